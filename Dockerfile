FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/dockopt
COPY pyproject.toml README.md LICENSE ./
COPY optimizer optimizer
COPY transforms transforms
RUN /opt/dockopt/bin/pip install --no-cache-dir .[bot]

FROM python:3.11-slim
# for the history of a project, and the bot
RUN apt-get update && \
    apt-get install -y --no-install-recommends git && \
    rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/dockopt /opt/dockopt
ENV PATH=/opt/dockopt/bin:$PATH
WORKDIR /work
ENTRYPOINT ["dockopt"]
