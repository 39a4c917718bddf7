# The lists of one stage serve the stage built on it.
FROM debian:12-slim AS base
RUN apt-get update && apt-get install -y jq

FROM base
RUN apt-get install -y tree
