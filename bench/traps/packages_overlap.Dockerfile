# No package may be lost where two rewrites meet.
FROM debian:12-slim
RUN apt-get update
RUN apt-get install -y vim wget
RUN apt-get install -y wget git vim
