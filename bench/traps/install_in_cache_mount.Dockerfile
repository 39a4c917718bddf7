# The caches are mounted: cleaning them empties what the mount is there for.
FROM debian:12-slim
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt,sharing=locked \
    apt-get update && apt-get install -y jq
RUN --mount=type=cache,target=/root/.cache/pip pip install flask
