"""Comments on other people's requests that touch a Dockerfile: what they could write instead, as suggestions."""

from __future__ import annotations
