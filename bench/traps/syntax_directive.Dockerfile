# syntax=docker/dockerfile:1
# check=skip=JSONArgsRecommended

# The two directives above must stay the first lines.
FROM debian:12-slim
WORKDIR /srv
RUN touch a
RUN touch b
