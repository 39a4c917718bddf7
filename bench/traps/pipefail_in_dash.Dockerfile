# Debian's sh is dash: its `set -o pipefail` fails the build.
FROM debian:12-slim
WORKDIR /srv
RUN echo one two | tr " " "\n" | sort > words
RUN cat words | wc -l > count
