# No package may be lost where two rewrites meet.
FROM debian:12-slim
RUN apt-get update
RUN apt-get install -y vim tree
RUN apt-get install -y tree jq vim
