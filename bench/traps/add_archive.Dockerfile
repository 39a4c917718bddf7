# ADD unpacks an archive, COPY does not.
FROM debian:12-slim
ADD files.tar.gz /srv/
RUN cat /srv/files/hello > /srv/copy
