# The program must be in the image, not in a cache mount.
FROM rust:1.80
WORKDIR /srv/app
COPY Cargo.toml .
RUN cargo build --release
CMD ["./target/release/app"]
