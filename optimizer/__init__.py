"""The engine of dockopt, an optimising compiler for Dockerfiles; it knows no particular rewrite."""

__version__ = "0.1.0"
