# If the first install removes the lists, the second finds nothing.
FROM debian:12-slim
RUN apt-get update
RUN apt-get install -y jq
RUN apt-get install -y tree
