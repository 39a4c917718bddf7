# exit ends its own RUN only.
FROM debian:12-slim
WORKDIR /srv
RUN touch a && exit 0
RUN touch b
