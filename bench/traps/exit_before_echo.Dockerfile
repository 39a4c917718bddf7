# exit 0 && …: nothing after it runs, in this RUN only.
FROM debian:12-slim
WORKDIR /srv
RUN exit 0 && touch never
RUN touch after
