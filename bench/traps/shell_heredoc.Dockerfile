# A heredoc of the shell, in a RUN that goes on after it.
FROM debian:12-slim
WORKDIR /srv
RUN cat > config <<EOF && touch after
name = "value"
# not a comment of the Dockerfile
EOF
RUN touch b
