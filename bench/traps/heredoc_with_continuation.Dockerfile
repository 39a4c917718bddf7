# The delimiter has to stay alone on its line.
FROM debian:12-slim
WORKDIR /srv
RUN touch a && \
    cat <<'EOF' > text
$HOME and \
more
EOF
RUN touch b
