# Two scripts as heredocs, each with its own directory; only the last status counts.
FROM debian:12-slim
WORKDIR /srv
RUN <<EOF
false
mkdir inner
cd inner
touch a
EOF
RUN <<EOF
touch b
EOF
