# The first RUN does not know the environment that is set after it.
FROM debian:12-slim
WORKDIR /srv
RUN echo "[$MODE]" > first
ENV MODE=late
RUN echo "[$MODE]" > second
