# A limit holds for its own RUN.
FROM debian:12-slim
WORKDIR /srv
RUN ulimit -f 0; mkdir a
RUN echo text > b
