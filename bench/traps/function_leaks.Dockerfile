# A function ends with its RUN.
FROM debian:12-slim
WORKDIR /srv
RUN touch() { echo fake > fake; }; touch a
RUN touch b
