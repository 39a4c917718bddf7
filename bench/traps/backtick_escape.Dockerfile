# escape=`

# With a back-tick as escape a backslash at the end of a line is only a backslash.
FROM debian:12-slim
WORKDIR /srv
RUN touch a && `
    touch b
RUN touch c `
    d
