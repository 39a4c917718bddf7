# curl brings the certificates that https needs as a recommendation only.
FROM debian:12-slim
RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
RUN curl -o /srv/page https://example.org/
