# A cd ends with its RUN; it is not a WORKDIR.
FROM debian:12-slim
RUN mkdir -p /srv/app
RUN cd /srv/app
RUN touch here
