# What the second stage copies must stay where the first one put it.
FROM debian:12-slim AS build
WORKDIR /srv/build
COPY app.py .
RUN mkdir -p dist
RUN cd dist && cp /srv/build/app.py main.py
RUN echo '#!/bin/sh' > dist/run && echo 'cat main.py' >> dist/run
RUN chmod 755 dist/run

FROM debian:12-slim
WORKDIR /srv/app
COPY --from=build /srv/build/dist/ ./
CMD ["./run"]
