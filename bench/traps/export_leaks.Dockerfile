# An exported variable ends with its RUN.
FROM debian:12-slim
WORKDIR /srv
RUN export LEVEL=high && echo "$LEVEL" > first
RUN echo "[$LEVEL]" > second
