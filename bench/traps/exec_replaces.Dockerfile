# exec replaces the shell of its own RUN only.
FROM debian:12-slim
WORKDIR /srv
RUN exec touch a
RUN touch b
