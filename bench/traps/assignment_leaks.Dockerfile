# A plain assignment ends with its RUN, exported or not.
FROM debian:12-slim
WORKDIR /srv
RUN NAME=one; echo "$NAME" > first
RUN echo "[$NAME]" > second
