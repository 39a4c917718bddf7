# A pipeline's status is that of its last command, unless pipefail is set.
FROM debian:12-slim
WORKDIR /srv
RUN false | true
RUN touch b
