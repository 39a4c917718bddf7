# set -x holds for its own RUN.
FROM debian:12-slim
WORKDIR /srv
RUN set -x && touch a
RUN case "$-" in *x*) touch traced ;; *) touch quiet ;; esac
