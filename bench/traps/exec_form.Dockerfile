# The exec form starts no shell: its words are literal.
FROM debian:12-slim
WORKDIR /srv
RUN ["touch", "a b", "$HOME"]
RUN touch c && touch d
