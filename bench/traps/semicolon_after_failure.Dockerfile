# This build has to fail in its first RUN; `false && touch a; touch b` would not.
FROM debian:12-slim
WORKDIR /srv
RUN test -e nothing
RUN touch a; touch b
