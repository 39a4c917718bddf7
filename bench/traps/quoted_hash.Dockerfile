# A # inside a word or quotes is no comment, and nor is an escaped line end inside quotes.
FROM debian:12-slim
WORKDIR /srv
RUN echo "one # two" > a && echo three#four >> a
RUN echo "five \
six && seven" > b
