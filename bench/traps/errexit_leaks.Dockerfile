# Only the last status of the second RUN counts; under the first one's set -e its first would.
FROM debian:12-slim
WORKDIR /srv
RUN set -e; touch a
RUN false; touch b
