# A mount belongs to its own RUN, and an exec form cannot be joined as text.
FROM debian:12-slim
WORKDIR /srv
RUN pip install flask
RUN --mount=type=cache,target=/root/.cache/pip pip install django
RUN ["pip", "install", "requests"]
