FROM debian:bookworm AS build

RUN apt-get update
RUN apt-get install -y gcc make
RUN apt-get install -y zlib1g-dev

ADD Makefile /src/
ADD src /src/src
WORKDIR /src
RUN make
RUN make install

FROM debian:bookworm
COPY --from=build /usr/local/lib/libchecksum.so.1 /usr/local/lib/
COPY --from=build /usr/local/bin/checksums /usr/local/bin/
RUN ldconfig
WORKDIR /data
ENTRYPOINT ["checksums"]
CMD ["/etc/debian_version"]
