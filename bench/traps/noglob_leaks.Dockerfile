# With set -f from the first RUN the star would stay a star.
FROM debian:12-slim
WORKDIR /srv
RUN set -f; touch a b
RUN echo * > list
