"""PHP: the extensions that the official image's own scripts compile.

Source: docker-library/php: docker-php-ext-install, docker-php-ext-enable and pecl write to these two folders.
"""

from __future__ import annotations

from optimizer.split.plan import Artifact, Found, Refused
from optimizer.split.view import Call, View

_BUILDING = frozenset(
    {"docker-php-ext-install", "docker-php-ext-configure", "docker-php-ext-enable", "docker-php-source"}
)
PROGRAMS = _BUILDING | {"pecl"}
BASES = frozenset({"php"})
_PHPIZE = frozenset({"dpkg", "dpkg-dev", "file", "libc-dev", "re2c"})
"""Of what the image's own scripts install to compile (PHPIZE_DEPS), what other images may want to run."""
_PLACES = ("/usr/local/lib/php/extensions", "/usr/local/etc/php/conf.d")


def find(view: View) -> Found | Refused | None:
    """The extensions that the stage compiles."""
    calls = [call for call in view.calls if call.name in PROGRAMS]
    last = calls[-1].instruction
    build = frozenset(
        number for number, call in enumerate(view.calls) if call.instruction.index <= last.index and _builds(call)
    )
    artifacts = tuple(Artifact(place, place, "extensions of PHP are installed into it") for place in _PLACES)
    return Found("php", last, artifacts, view.stage.origin.words[0], build, builders=_PHPIZE)


def _builds(call: Call) -> bool:
    return call.name in PROGRAMS
