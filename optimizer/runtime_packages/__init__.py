"""What a package of the build needs at run time, from the package indices of the distributions.

``libpq-dev`` is for linking; a program that was linked needs ``libpq5``. Which package that is differs by release, and
the index of each tells it. The data lies beside this file, and is read when it is first asked for; how it is made and
what is left out is told in docs/runtime-packages.md.
"""

from __future__ import annotations

from optimizer.runtime_packages.counterparts import (
    Counterpart,
    Kind,
    provider_of_command,
    provider_of_library,
    runtime_in_all,
    runtime_of,
)
from optimizer.runtime_packages.releases import Release, known_releases, release_of, release_of_os, releases_of

__all__ = [
    "Counterpart",
    "Kind",
    "Release",
    "known_releases",
    "provider_of_command",
    "provider_of_library",
    "release_of",
    "release_of_os",
    "releases_of",
    "runtime_in_all",
    "runtime_of",
]
