# A umask holds for its own RUN.
FROM debian:12-slim
WORKDIR /srv
RUN umask 077 && touch private
RUN touch public
