# What read sets ends with its RUN.
FROM debian:12-slim
WORKDIR /srv
RUN echo hello > word; read -r WORD < word; echo "$WORD" > first
RUN echo "[$WORD]" > second
