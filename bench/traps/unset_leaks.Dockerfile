# What one RUN unsets is there again in the next.
FROM debian:12-slim
ENV NAME=kept
WORKDIR /srv
RUN unset NAME; echo "[$NAME]" > first
RUN echo "[$NAME]" > second
