"""Other orders, arguments further down, and cache mounts: real builds find the same image."""

from __future__ import annotations

import pytest

from tests.verify.conftest import Dockopt

FILES = {
    "Dockerfile": """\
FROM debian:bookworm-slim
ARG VCS_REF=none
LABEL revision=$VCS_REF
COPY conf /opt/app/conf
RUN apt-get update && apt-get install -y --no-install-recommends jq && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home app
WORKDIR /srv
COPY --chown=app . .
RUN sort words.txt > /usr/share/words
CMD ["jq", "--version"]
""",
    "conf/app.conf": "x\n",
    "main.py": "print()\n",
    "words.txt": "b\na\n",
}
NAMES = "reorder_layers,late_arguments,cache_mounts"


@pytest.mark.builds
def test_the_image_is_the_same(dockopt: Dockopt) -> None:
    ended = dockopt(FILES, "verify", "--select", NAMES)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for name in NAMES.split(","):
        assert f"pass  {name}" in ended.stdout, ended.stdout
