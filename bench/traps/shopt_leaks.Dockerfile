# A bash option holds for its own RUN.
FROM debian:12-slim
SHELL ["/bin/bash", "-c"]
WORKDIR /srv
RUN shopt -s nullglob; touch a
RUN echo nothing-* > list
