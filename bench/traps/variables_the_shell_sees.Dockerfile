# A quoted dollar is not the shell's; a variable set in one RUN is not in the next.
FROM debian:12-slim
ARG NAME=arg
WORKDIR /srv
RUN echo "$NAME" '$NAME' \$NAME "\$NAME" > first
RUN NAME=own; echo "$NAME" > second
RUN echo "$NAME" > third
