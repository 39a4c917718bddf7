# Nothing here needs a change.
FROM debian:12-slim
WORKDIR /srv
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates jq \
    && rm -rf /var/lib/apt/lists/*
COPY app.py .
CMD ["cat", "app.py"]
