# A trap on EXIT runs at the end of its own RUN.
FROM debian:12-slim
WORKDIR /srv
RUN trap 'touch cleaned' EXIT; touch a
RUN if test -e cleaned; then touch saw; else touch missed; fi
