# With set -u from the first RUN the second one would fail.
FROM debian:12-slim
WORKDIR /srv
RUN set -u; touch a
RUN echo "[$NOWHERE_SET]" > b
