# The second RUN is another user's.
FROM debian:12-slim
WORKDIR /srv
RUN useradd app
USER app
RUN touch a
USER root
RUN touch b
