# A fallback (`||`) belongs to its own RUN.
FROM debian:12-slim
WORKDIR /srv
RUN touch a || touch b
RUN touch c && false || touch d
RUN touch e
