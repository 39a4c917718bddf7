"""Proof by a real build: read the images of both Dockerfiles, compare them, and check that the result works.

The readers and comparisons here are pure functions on streams and on what was read; nothing starts a process.
"""
