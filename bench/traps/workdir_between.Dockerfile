# Each RUN has its own working directory.
FROM debian:12-slim
WORKDIR /srv/one
RUN touch a
WORKDIR ../two
RUN touch b
