# Comments and an odd order in a list of packages.
FROM debian:12-slim
RUN apt-get update && apt-get install -y \
    # the shell
    zsh \
    tree jq \
    # builds
    nasm \
    bash-completion
