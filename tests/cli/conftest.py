from __future__ import annotations

import sys
from pathlib import Path

import pytest

BEFORE = "FROM debian:12\nADD app.py /app/\nRUN make\n"
AFTER = BEFORE.replace("ADD", "COPY")
DIFF = """\
--- a/Dockerfile
+++ b/Dockerfile
@@ -1,3 +1,3 @@
 FROM debian:12
-ADD app.py /app/
+COPY app.py /app/
 RUN make
"""
ONLY = ("--select", "copy_over_add")
COMMAND = (sys.executable, "-m", "optimizer")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with one Dockerfile in it that copy_over_add changes."""
    (tmp_path / "Dockerfile").write_text(BEFORE)
    (tmp_path / "app.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    return tmp_path
