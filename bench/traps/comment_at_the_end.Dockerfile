# A comment at the end of a RUN is the shell's; whatever is joined behind it is swallowed.
FROM debian:12-slim
WORKDIR /srv
RUN touch a # the first
RUN touch b # the second
RUN touch c
