# A semicolon at the end is no error before it is followed by `&&`.
FROM debian:12-slim
WORKDIR /srv
RUN touch a;
RUN touch b ;
RUN touch c
