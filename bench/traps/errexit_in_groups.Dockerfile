# The set -e of each RUN is its own.
FROM debian:12-slim
WORKDIR /srv
RUN set -eux; touch a; touch b
RUN set -eux; touch c; touch d
RUN false || touch e
