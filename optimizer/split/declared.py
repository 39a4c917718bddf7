"""What an image no longer has when its build has a stage of its own, as a fix declares it (`Fix.paths`).

A proof by a build (`optimizer.verify.design`) allows for what the old base image had and for packages that nobody asked
for. What else is gone has to stand here; all that is taken over has to be as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optimizer.split.plan import Split

_CACHES = (
    "/tmp", "/var/tmp", "/go/pkg", "/root/go/pkg", "/usr/local/bundle/cache", "/usr/local/share/.cache",
    "/usr/local/cargo/registry", "/usr/local/cargo/git", "/usr/local/cargo/.global-cache",
    "/usr/local/cargo/.package-cache*", "/**/.bundle/cache", "/**/.cache/composer", "/**/.cache/go-build",
    "/**/.cache/node-gyp", "/**/.cache/pdm", "/**/.cache/pip", "/**/.cache/pip-tools", "/**/.cache/pipenv",
    "/**/.cache/pnpm", "/**/.cache/pypoetry", "/**/.cache/uv", "/**/.cache/virtualenv", "/**/.cache/yarn",
    "/**/.cargo/.global-cache", "/**/.cargo/.package-cache*", "/**/.cargo/git", "/**/.cargo/registry",
    "/**/.composer/cache", "/**/.config/go/telemetry", "/**/.config/pip", "/**/.config/pypoetry",
    "/**/.dotnet/*entinel", "/**/.dotnet/TelemetryStorageService", "/**/.dotnet/corefx", "/**/.gem", "/**/.gradle",
    "/**/.ivy2",
    "/**/.local/share/NuGet", "/**/.local/share/pdm", "/**/.local/share/pnpm", "/**/.local/share/virtualenv",
    "/**/.local/state/pnpm", "/**/.m2", "/**/.node-gyp", "/**/.npm", "/**/.nuget", "/**/.pnpm-store",
    "/**/.templateengine", "/**/.yarn/berry", "/**/.yarnrc",
)  # fmt: skip
"""Where package managers and compilers keep what they fetch and make on the way."""
_EXCEPT = "!"


def packages(names: Iterable[str]) -> Iterator[str]:
    """Patterns of what says that packages of the distribution are installed, as dpkg and apk keep it."""
    for name in names:
        plain = name.partition("=")[0].partition(":")[0].partition("/")[0]
        yield from (f"/var/lib/dpkg/info/{plain}.list", f"/var/lib/dpkg/info/{plain}:*.list")
        yield f"/lib/apk/db/installed/{plain}"


def distributions(names: Iterable[str]) -> Iterator[str]:
    """Patterns of what says that Python's packages are installed."""
    return (f"/**/site-packages/{name.replace('-', '_')}-*.dist-info" for name in names)


def paths(split: Split) -> tuple[str, ...]:
    """The patterns that a split declares: what is gone, but for what is taken over of it, and what is new."""
    kept = [each.path for each in split.artifacts if each.path == each.target and not _is_new(split, each.path)]
    moved = [path for each in split.artifacts for path in (each.path, each.target) if path not in kept]
    doubtful = [each.path for each in split.questions if each.path]
    except_for = (_EXCEPT + path for path in (*kept, *doubtful))
    return tuple(dict.fromkeys((*_CACHES, *split.loses, *moved, *except_for, *split.gone)))


def _is_new(split: Split, path: str) -> bool:
    """Whether it is a folder that the build has only since it stands alone: a virtual environment."""
    return any(path in line for lines in split.prepare.values() for line in lines)
