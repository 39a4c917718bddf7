# pushd is a cd.
FROM debian:12-slim
SHELL ["/bin/bash", "-c"]
WORKDIR /srv
RUN mkdir inner; pushd inner; touch a
RUN touch b
