# curl is a package here, not the command.
FROM debian:12-slim
RUN apt-get update && apt-get install -y \
    curl \
    wget \
    git
RUN curl -o /srv/page https://example.org/
