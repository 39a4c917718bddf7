# An alias ends with its RUN; in one script it would change the lines after it.
FROM debian:12-slim
WORKDIR /srv
RUN alias touch=echo; mkdir a
RUN touch b
