# The second install is the fallback of the first; both need the lists.
FROM debian:12-slim
RUN apt-get update
RUN apt-get install -y missing-here || apt-get install -y tree
RUN touch /srv/after
