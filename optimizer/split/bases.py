"""The image that the final stage begins with: of the family and the release that the build ran on.

Source: the tags of the official images (see `optimizer.image_tools`).
"""

from __future__ import annotations

from typing import NamedTuple

from optimizer.image_tools import IMAGES, SUITES, Official, slim_tag
from optimizer.images import parse_reference
from optimizer.model import Stage
from optimizer.split.view import View


class Base(NamedTuple):
    """An image for the final stage."""

    written: str
    """As FROM names it."""
    slimmed: bool
    """Whether it has less than the image of the build."""


def slim(stage: Stage) -> Base:
    """The slim variant of the stage's own image where there is one for certain, else the image itself."""
    written = stage.origin.words[0]
    reference = parse_reference(stage.base or "")
    image = official(stage.base or "")
    tag = slim_tag(image, reference.tag) if image is not None and reference.digest is None else None
    if tag is None:
        return Base(written, False)
    if written == stage.base:
        return Base(f"{reference.name}:{tag}", True)
    # The tag comes from a build argument: what is put behind its default can be put behind any other.
    suffix = tag.removeprefix(reference.tag or "\0")
    plain = suffix == "-slim" and written.endswith("}") and written.startswith(f"{reference.name}:$")
    return Base(written + suffix, True) if plain else Base(written, False)


def official(reference: str) -> Official | None:
    """What is known of an official image with slim variants."""
    return IMAGES.get(parse_reference(reference).official or "")


def is_full(reference: str | None) -> bool:
    """Whether it is a full variant of an official image that has slim ones."""
    words = (parse_reference(reference or "").tag or "").split("-")
    return official(reference or "") is not None and not any(word.startswith(("slim", "alpine")) for word in words)


_TRIXIE = {"golang": (1, 23), "rust": (1, 87), "gcc": (15,)}
"""The first version of an image whose tags without a suite may stand on Debian 13; all before stand on 12 or older."""


def suffices_slim(view: View) -> bool:
    """Whether the build, too, finds all that it needs in the slim variant of its image."""
    from optimizer.system_needs import first_need

    image = official(view.stage.base or "")
    numbers = (parse_reference(view.stage.base or "").tag or "").partition("-")[0].split(".")
    minor = int(numbers[1]) if len(numbers) > 1 and numbers[1].isdigit() else None
    return image is not None and first_need(view.model, view.stage, view.context, image, minor) is None


def below(stage: Stage, *, static: bool) -> str | None:
    """The plain image of the distribution that a compiler's image stands on; None where its release is not known.

    A program that needs no more than the C library also runs on a later release of the same distribution.
    """
    reference = parse_reference(stage.base or "")
    tag, name = reference.tag or "", reference.official
    if name in ("debian", "ubuntu", "alpine"):
        return slim(stage).written
    if name not in _TRIXIE or stage.origin.words[0] != stage.base:
        return None
    if "alpine" in tag:
        version = tag.partition("alpine")[2]
        return f"alpine:{version}" if version else "alpine" if static else None
    parts = [part for part in tag.split("-") if part not in ("slim", "latest")]
    suite = next((part for part in parts if part in SUITES), None)
    if suite is None:
        numbers = parts[0].split(".") if parts and parts[0] else []
        if not all(number.isdigit() for number in numbers) or len(parts) > 1:
            return None
        known = len(numbers) >= len(_TRIXIE[name]) and tuple(map(int, numbers)) < _TRIXIE[name]
        suite = "bookworm" if known else "trixie"
    return f"debian:{suite}-slim"


class Has(NamedTuple):
    """What an image has of the packages that the larger one has (`optimizer.image_tools`)."""

    packages: frozenset[str]
    commands: frozenset[str] = frozenset()
    """Of its own, in no package."""


_BUSYBOX = frozenset({"bzip2", "patch", "procps", "unzip", "wget", "xz-utils"})
_JAVA = frozenset({"ca-certificates", "curl", "fontconfig", "gnupg", "openssl", "wget"})


def has(base: str) -> Has | None:
    """What the final stage's image has; None where the build's image is known to have no more.

    Source: the Dockerfiles of eclipse-temurin, openjdk (which stands on buildpack-deps:curl) and dotnet.
    """
    reference = parse_reference(base)
    name, tag = reference.official or reference.name, reference.tag or ""
    if name == "alpine":
        return None
    if name == "eclipse-temurin":
        return Has(_BUSYBOX | {"ca-certificates"} if "alpine" in tag else _JAVA)
    if name == "openjdk" and "slim" not in tag:
        return Has(frozenset({"ca-certificates", "curl", "gnupg", "openssl", "wget"}))
    if name.startswith("mcr.microsoft.com/dotnet/"):
        return Has(_BUSYBOX | {"ca-certificates"} if "alpine" in tag else frozenset({"ca-certificates", "openssl"}))
    image = None if name == "debian" else IMAGES.get(name)
    return Has(image.keeps, image.own) if image is not None else Has(frozenset())


BARE = frozenset({"ca-certificates", "tzdata"})
"""Packages whose files distroless/static has of its own. Source: GoogleContainerTools/distroless, base/README.md."""


def certificates(base: str) -> tuple[str, ...]:
    """The package of CA certificates, which a compiler's image has and the plain image of the distribution lacks.

    Source: buildpack-deps, on which those images stand, and golang's own Alpine variants.
    """
    return ("ca-certificates",) if base.startswith(("debian:", "alpine")) else ()
