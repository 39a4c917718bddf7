# This build has to fail in its first RUN; `A && false || true` would not.
FROM debian:12-slim
WORKDIR /srv
RUN test -e nothing
RUN false || true
