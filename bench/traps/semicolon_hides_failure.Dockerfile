# With semicolons only the status of the last command counts.
FROM debian:12-slim
WORKDIR /srv
RUN false; touch a
RUN touch b; false && touch c || touch d
RUN touch e
