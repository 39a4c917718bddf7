# curl brings its certificates as a recommendation only.
FROM debian:12-slim
RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
RUN test -e /usr/share/packages/ca-certificates && curl -o /srv/page https://example.org/
