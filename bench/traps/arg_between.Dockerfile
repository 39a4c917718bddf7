# The first RUN does not know the argument.
FROM debian:12-slim
WORKDIR /srv
RUN echo "[$VERSION]" > first
ARG VERSION=1.0
RUN echo "[$VERSION]" > second
