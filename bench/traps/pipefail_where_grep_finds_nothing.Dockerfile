# A grep that finds nothing in a pipe is no failure here.
FROM debian:12-slim
WORKDIR /srv
SHELL ["/bin/bash", "-c"]
RUN echo one | grep two | sort > found
RUN touch after
