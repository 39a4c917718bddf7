# This build has to fail: inside `{ …; } &&` or `( … ) &&` the shell ignores set -e.
FROM debian:12-slim
WORKDIR /srv
RUN set -e; touch a; false; touch b
RUN touch c
