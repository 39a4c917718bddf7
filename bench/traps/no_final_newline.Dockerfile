# The last line has no end.
FROM debian:12-slim
WORKDIR /srv
RUN touch a
RUN touch b