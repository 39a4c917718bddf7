# The index of one RUN serves the next.
FROM alpine:3.20
RUN apk update
RUN apk add jq
RUN apk add tree && touch /srv/after
