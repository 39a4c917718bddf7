# A comment line inside a continuation is dropped; in one line it would swallow the rest.
FROM debian:12-slim
RUN apt-get update && \
    # the assembler
    apt-get install -y nasm \
    # and its friend
    make
RUN touch /srv/after
