# Blank lines in a continuation are dropped, with a warning.
FROM debian:12-slim
WORKDIR /srv
RUN touch a && \

    touch b && \

    touch c
RUN touch d
