"""What `composer install` reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from optimizer.manifests.base import (
    Collector,
    Invocation,
    Needs,
    ProjectFiles,
    RefusedError,
    entries,
    join,
    json_object,
    table,
)
from optimizer.manifests.options import Grammar

_GRAMMAR = Grammar(
    flags="""
        --no-dev --dev --no-scripts --no-autoloader --prefer-dist --prefer-source -n|--no-interaction
        --no-suggest --no-progress --ignore-platform-reqs -o|--optimize-autoloader|--optimize
        -a|--classmap-authoritative --apcu-autoloader --no-plugins --no-cache -q|--quiet -v|--verbose
        -vv -vvv --ansi --no-ansi --profile --audit --no-audit --no-custom-installers
    """,
    values="""
        -d|--working-dir --ignore-platform-req --prefer-install --apcu-autoloader-prefix --audit-format
    """,
    clusters=True,
)
_PLUGIN_TYPES = ("composer-plugin", "composer-installer")
_HARMLESS_PLUGINS = frozenset(
    {  # they act on the autoloader or after all packages, where the command that stays runs them too
        "composer/installers",
        "composer/package-versions-deprecated",
        "dealerdirect/phpcodesniffer-composer-installer",
        "ocramius/package-versions",
        "pestphp/pest-plugin",
        "php-http/discovery",
        "phpstan/extension-installer",
        "symfony/runtime",
    }
)


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what the command reads; None where it installs nothing.

    Scripts and the autoloader read sources: they are left to the command that stays after the COPY.
    Raises RefusedError on local repositories and on plugins that act while packages are installed.
    """
    if not any(word in ("install", "i") for word in invocation.arguments):
        return None
    arguments = _GRAMMAR.read(invocation.arguments)
    if arguments.operands not in (("install",), ("i",)):
        return None
    if invocation.environment.get("COMPOSER", "composer.json") not in ("composer.json", "./composer.json"):
        raise RefusedError("the variable COMPOSER names another manifest")
    base = arguments.last("--working-dir") or "."
    skipped = [flag for flag in ("--no-scripts", "--no-autoloader") if not arguments.has(flag)]
    words = tuple(word or "" for word in invocation.arguments)
    prefetch = ((*invocation.program, *words, *skipped),) if skipped else ()
    if view is None:
        lists = (join(base, "composer.json"), join(base, "composer.lock*"))
        evidence = "composer install reads composer.json and composer.lock"
        return Needs("composer", lists, (evidence,), prefetch, same_image=False, proved=False)

    files = Collector(view)
    base = files.at(base)
    path = join(base, "composer.json")
    if invocation.program[-1].endswith(".phar"):
        files.optional(invocation.program[-1])
    package = json_object(files.text(path, "composer install"), path)
    lock = join(base, "composer.lock")
    files.optional(lock, join(base, "auth.json"), join(base, "symfony.lock"))
    for repository in _repositories(package):
        _follow(files, base, path, repository)
    has_plugins = not arguments.has("--no-plugins") and _check_plugins(files, base, lock, package)
    if not prefetch and view.is_dir(join(base, ".git")):
        raise RefusedError("composer writes the commit of .git into vendor/composer/installed.php")
    _write(files, base, invocation, package)
    if prefetch:
        files.note(f"composer install {' '.join(skipped)} leaves what reads sources to the command after the COPY")
    else:
        files.note("composer install runs no scripts and makes no autoloader")
    return Needs(
        "composer",
        files.paths(),
        tuple(files.evidence),
        prefetch,
        tuple(files.outputs),
        same_image=not has_plugins,
    )


def _repositories(package: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    value = package.get("repositories")
    yield from entries(list(value.values()) if isinstance(value, dict) else value)


def _follow(files: Collector, base: str, path: str, repository: Mapping[str, Any]) -> None:
    kind, place = repository.get("type"), str(repository.get("url", ""))
    if kind == "path":
        raise RefusedError(f"{path} takes packages from the path {place}")
    if kind == "artifact":
        files.directory(join(base, place), path)
    elif kind != "package" and place and (place.startswith("file:") or not ("://" in place or "@" in place)):
        raise RefusedError(f"{path} takes packages from {place}, which may be a local path")


def _check_plugins(files: Collector, base: str, lock: str, package: Mapping[str, Any]) -> bool:
    """Tell whether plugins run; without a lock, those that composer.json allows count.

    Raises RefusedError on a plugin that is not known to keep to what runs after the COPY as well.
    """
    allowed = table(package, "config", "allow-plugins")
    plugins = [name for name, value in allowed.items() if value is True]
    if files.view.is_file(lock):
        locked = json_object(files.text(lock, "composer install"), lock)
        packages = [p for group in ("packages", "packages-dev") for p in entries(locked.get(group))]
        plugins = [str(p.get("name")) for p in packages if p.get("type") in _PLUGIN_TYPES]
    for plugin in plugins:
        has_recipes = plugin == "symfony/flex" and files.view.is_file(join(base, "symfony.lock"))
        if plugin not in _HARMLESS_PLUGINS and not has_recipes:
            raise RefusedError(f"the composer plugin {plugin} acts while packages are installed")
    return bool(plugins)


def _write(files: Collector, base: str, invocation: Invocation, package: Mapping[str, Any]) -> None:
    config = table(package, "config")
    vendor = invocation.environment.get("COMPOSER_VENDOR_DIR", config.get("vendor-dir", "vendor"))
    programs = invocation.environment.get("COMPOSER_BIN_DIR", config.get("bin-dir", ""))
    if not isinstance(vendor, str) or not isinstance(programs, str) or "$" in vendor + programs:
        raise RefusedError("the directory that composer writes is not known")
    files.writes(*(join(base, place) for place in (vendor, programs) if place))
    if table(package, "extra").get("installer-paths"):
        raise RefusedError("installer-paths puts packages among the sources")
