# What a sourced file sets ends with its RUN.
FROM debian:12-slim
WORKDIR /srv
RUN echo 'LEVEL=sourced' > vars && . ./vars && echo "$LEVEL" > first
RUN echo "[$LEVEL]" > second
