# The second RUN starts in the working directory, not where the first one went.
FROM debian:12-slim
WORKDIR /srv
RUN mkdir inner && cd inner && touch a
RUN touch b
CMD ["pwd"]
