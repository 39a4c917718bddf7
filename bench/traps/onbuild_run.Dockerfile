# ONBUILD RUN is for the child; its own build runs only the other.
FROM debian:12-slim
WORKDIR /srv
RUN touch own
ONBUILD RUN touch child && ls > seen
RUN touch last
