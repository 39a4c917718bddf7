"""What is known of well-known base images without pulling them: the starting point of a stage.

Source: the official images' own Dockerfiles (docker-library, and the projects' repositories) as of 2026-11. An image
that is not listed starts from the unknown, and what depends on it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class Reference(Struct, frozen=True):
    """An image name taken apart: ``ghcr.io/a/b:1.2@sha256:…`` (source: the distribution reference grammar)."""

    name: str
    tag: str | None
    digest: str | None

    @property
    def official(self) -> str | None:
        """The short name of a Docker Official Image (``python``), or None for any other image."""
        name = self.name
        for prefix in ("docker.io/", "index.docker.io/", "library/"):
            name = name.removeprefix(prefix)
        return name if "/" not in name else None


def parse_reference(text: str) -> Reference:
    """Take an image name apart; nothing is looked up."""
    rest, _, digest = text.partition("@")
    head, slash, tail = rest.rpartition("/")
    base, colon, tag = tail.partition(":")
    return Reference(head + slash + base, tag if colon else None, digest or None)


class Image(Struct, frozen=True):
    """How a stage FROM this image begins. Values of None are unknown."""

    workdir: str | None = "/"
    user: str | None = "root"
    env: Mapping[str, str | None] = field(default_factory=dict)
    family: str | None = None
    """The distribution: debian, ubuntu, alpine, fedora, ... None where tags differ or it is not known."""


UNKNOWN = Image(workdir=None, user=None)

_DISTRIBUTIONS = {
    "debian": "debian", "ubuntu": "ubuntu", "alpine": "alpine", "fedora": "fedora", "centos": "centos",
    "rockylinux": "centos", "almalinux": "centos", "oraclelinux": "centos", "amazonlinux": "amazonlinux",
    "archlinux": "arch", "buildpack-deps": "debian", "busybox": None, "scratch": None,
}  # fmt: skip

_IMAGES: dict[str, str | None] = {
    "python": "/", "node": "/", "ruby": "/", "rust": "/", "golang": "/go", "gcc": "/", "perl": "/usr/src/app",
    "eclipse-temurin": "/", "openjdk": "/", "maven": "/", "erlang": "/", "elixir": "/", "swift": "/",
    "amazoncorretto": "/", "pypy": "/", "haskell": "/", "php": None,
    "nginx": "/", "httpd": "/usr/local/apache2", "postgres": "/", "redis": "/data",
}  # fmt: skip
"""Images of languages and servers whose builds go on as root, and their WORKDIR: php's depends on the variant."""

_SUITES = ("bookworm", "bullseye", "buster", "trixie", "stretch", "jessie", "sid", "slim")
_ON_DEBIAN = frozenset(
    {"python", "node", "ruby", "rust", "golang", "gcc", "perl", "php", "nginx", "httpd", "postgres", "redis"}
)
"""What is built on Debian where the tag names no other distribution."""
_WINDOWS = ("windows", "nanoserver", "servercore", "ltsc20", "dotnet/framework", "dotnet-framework", "microsoft/iis")
"""In the names of images for Windows: Microsoft's own, and the tags of official images."""
_UBUNTU = ("noble", "jammy", "focal", "bionic", "xenial", "trusty")


def known(reference: str) -> Image:
    """What an image brings along; UNKNOWN for one that is not in the list."""
    image = parse_reference(reference)
    name, tag = image.official, image.tag or ""
    if name in _DISTRIBUTIONS:
        return Image(family=_DISTRIBUTIONS[name])
    if name in _IMAGES:
        return Image(workdir=_IMAGES[name], family=_family(name, tag))
    return UNKNOWN


def runs_windows(reference: str, platform: str | None = None) -> bool:
    """Whether an image is one for Windows, by its name or by the platform that FROM asks for."""
    text = reference.lower()
    return (platform or "").lower().startswith("windows") or any(word in text for word in _WINDOWS)


def _family(name: str, tag: str) -> str | None:
    if "alpine" in tag:
        return "alpine"
    if any(suite in tag for suite in _UBUNTU):
        return "ubuntu"
    if runs_windows(tag):
        return None
    if any(suite in tag for suite in _SUITES) or name in _ON_DEBIAN:
        return "debian"
    return None
