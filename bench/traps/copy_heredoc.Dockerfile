# Two files written by one COPY.
FROM debian:12-slim
WORKDIR /srv
COPY <<one <<two /srv/
first
one
# second
two
RUN cat one two > both
