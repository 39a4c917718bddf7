# A list that looks like packages and is a sequence.
FROM debian:12-slim
WORKDIR /srv
RUN for step in \
    second \
    first \
    third; \
    do echo "$step" >> order; done
