# A comment between two RUNs stays with the second, in a file with CRLF line ends.
FROM debian:12-slim
WORKDIR /srv
RUN touch a
# b is needed by the start script
RUN touch b && \
    touch c
