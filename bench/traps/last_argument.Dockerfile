# $_ is the last word of the command before it in the same script.
FROM debian:12-slim
SHELL ["/bin/bash", "-c"]
WORKDIR /srv
RUN touch one two
RUN true "${_##*/}" && case "${_}" in two) touch joined ;; *) touch apart ;; esac
