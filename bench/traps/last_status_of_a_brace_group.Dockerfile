# Groups and subshells with their own last status.
FROM debian:12-slim
WORKDIR /srv
RUN { false; touch a; }
RUN (cd / && false; true)
RUN ! test -e nothing
RUN touch b
