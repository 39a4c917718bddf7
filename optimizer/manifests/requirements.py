"""What pip's requirements and constraints files name, followed through their includes.

Source: pip's documentation of the requirements file format, and its reader `pip/_internal/req/req_file.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from optimizer.manifests.base import UNKNOWN, Collector, RefusedError, ancestors, is_self_or_parent, join, parent
from optimizer.manifests.options import Arguments, Grammar

_COMMENT = re.compile(r"(?:^|\s)#.*$")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_VERSIONED = re.compile(r"[\w.-]+\s*(?:\[[^]/]*\])?\s*[=<>!~]=?")
_UPWARDS = re.compile(r"(?<![\w./])\.\.(?=[/\"'\s]|$)[\w./-]*")
_HISTORY = re.compile(r"[\w-]*(?:scm|vcs|versioneer|versioning|dunamai|git[-_]version|version[-_]git)[\w-]*|\bpbr\b")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz")

_LINE = Grammar(
    flags="--no-index --prefer-binary --require-hashes --pre -Z|--always-unzip",
    values="""
        -i|--index-url|--pypi-url --extra-index-url -r|--requirement -c|--constraint -e|--editable
        -f|--find-links --no-binary --only-binary --trusted-host --use-feature --hash --config-setting
        -C|--config-settings --global-option --install-option
    """,
    clusters=True,
)


class ProjectItselfError(RefusedError):
    """The requirement is the project in the working directory, so that its sources are read."""


def follow(files: Collector, path: str, named_by: str, constraint: bool = False) -> None:
    """Add a requirements file and everything it names.

    Raises RefusedError where a part cannot be known or is the project itself.
    """
    if _SCHEME.match(path) and not path.lower().startswith("file:"):
        if not constraint:
            raise RefusedError(f"{named_by} reads a list from {path}, which may name local paths")
        files.note(f"{named_by} reads constraints from {path}, not from the project")
        return
    path = files.at(_local(path))
    if path in files.found:
        return
    text = files.text(path, named_by)
    files.note(f"{named_by} {'is constrained by' if constraint else 'reads'} {path}")
    for line in lines(text):
        _follow_line(files, path, _VARIABLE.sub(UNKNOWN, line))


def follow_requirement(files: Collector, requirement: str, named_by: str, editable: bool = False) -> None:
    """Add what one requirement names: nothing for an index or a URL, else a local archive or directory.

    Raises RefusedError where the path is missing, outside the project, or the project itself.
    """
    text = requirement.split(" ;")[0].strip().strip("'\"")
    head, at, target = text.partition("@")
    if at and re.fullmatch(r"[\w.-]+\s*(?:\[[^]]*\])?\s*", head) and _SCHEME.match(target.strip()):
        text = target.strip()
    if _SCHEME.match(text) and not text.lower().startswith("file:"):
        if "+file:" in text.lower().partition("//")[0]:
            raise RefusedError(f"{named_by} takes a package from a repository in {text}")
        if editable:
            files.writes("src")  # where pip checks it out, outside of a virtual environment
        return
    if _VERSIONED.match(text):
        return
    is_url = text.lower().startswith("file:")
    path = re.sub(r"\[[^]]*\]$", "", _local(text))
    if not (is_url or editable or "/" in path or path.startswith(".") or _is_archive(files, path)):
        return
    path = files.at(path)
    if path.lower().endswith(_ARCHIVES) and not files.view.is_dir(path):
        files.require(path, named_by)
        return
    if is_self_or_parent(path):
        raise ProjectItselfError(f"{named_by} installs the project itself{_what_it_reads(files, path)}")
    follow_directory(files, path, named_by)


def follow_directory(files: Collector, path: str, named_by: str) -> None:
    """Add a package that lies in a directory of the project; its build may read nothing outside of it."""
    files.directory(path, named_by)
    for file in files.view.files(path):
        if ".egg-info/" in file or "/build/" in file:
            raise RefusedError(f"{file} is written by the build of {path} and is among the copied files")
    setup = join(path, "setup.py")
    text = files.view.read(setup) if files.view.is_file(setup) else None
    if text is not None:
        from optimizer.manifests.setup_py import facts

        outside = facts(text, setup).outside
        if outside:
            raise RefusedError(f"{setup} may read outside of {path}: {', '.join(outside)}")
    _refuse_outside(files, path)
    files.note(f"{named_by} names the package in {path}/")


def _refuse_outside(files: Collector, path: str) -> None:
    """Refuse a package whose settings name what lies above it, be it another package, a file or the history."""
    view = files.view
    is_versioned = any(view.is_dir(git) or view.is_file(git) for git in (f"{at}/.git" for at in ancestors(view, path)))
    for name in ("pyproject.toml", "setup.cfg", "setup.py"):
        settings = join(path, name)
        text = (view.read(settings) if view.is_file(settings) else None) or ""
        if name != "setup.py" and (found := _UPWARDS.search(text)):
            raise RefusedError(f"{settings} may read outside of {path}: {found.group()}")
        if is_versioned and (found := _HISTORY.search(text)):
            raise RefusedError(f"{settings} may read the history of the repository above {path}: {found.group()}")


def find_links(files: Collector, place: str, named_by: str, beside: str = ".") -> None:
    """Add the folder or page of `--find-links`; a path is tried beside the file that names it first."""
    if _SCHEME.match(place) and not place.lower().startswith("file:"):
        return
    path = files.at(_local(place))
    near = join(beside, path)
    if files.view.is_dir(near) or files.view.is_file(near):
        path = near
    if files.view.is_dir(path):
        files.directory(path, named_by)
    elif files.view.is_file(path) or not place.startswith(("/", "file:")):
        files.require(path, named_by)


def _follow_line(files: Collector, path: str, line: str) -> None:
    requirement, arguments = split(line)
    folder = parent(path)
    for option in arguments.options:
        name, value = option.name, option.value
        if name in ("--requirement", "--constraint"):
            target = value if _SCHEME.match(value) else join(folder, value)
            follow(files, target, path, constraint=name == "--constraint")
        elif name == "--editable":
            follow_requirement(files, value, path, editable=True)
        elif name == "--find-links":
            find_links(files, value, path, beside=folder)
        elif name in ("--config-settings", "--global-option", "--install-option") and "/" in value:
            raise RefusedError(f"{path} passes a path to a build: {value}")
    if requirement:
        follow_requirement(files, requirement, path)


def split(line: str) -> tuple[str, Arguments]:
    """Take a line apart: the requirement, "" for none, and the options. Raises RefusedError where it does not parse."""
    words = line.split(" ")
    first = next((index for index, word in enumerate(words) if word.startswith("-")), None)
    if first is None:
        return line, Arguments((), ())
    import shlex

    try:
        options = shlex.split(" ".join(words[first:]))
    except ValueError as error:
        raise RefusedError(f"the requirement does not parse: {line}") from error
    arguments = _LINE.read(options)
    if arguments.operands:
        raise RefusedError(f"the requirement does not parse: {line}")
    return " ".join(words[:first]).strip(), arguments


def lines(text: str) -> Iterator[str]:
    """Yield the lines with continuations joined and comments dropped, as pip's `preprocess` does."""
    held: list[str] = []
    for line in text.removeprefix("\ufeff").splitlines():
        is_comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not is_comment:
            held.append(line.strip("\\"))
            continue
        whole = "".join([*held, (" " + line if is_comment and held else line)])
        held = []
        whole = _COMMENT.sub("", whole).strip()
        if whole:
            yield whole
    rest = _COMMENT.sub("", "".join(held)).strip()
    if rest:
        yield rest


def _local(path: str) -> str:
    """Return the path of a `file:` URL, or the path as it is."""
    if UNKNOWN in path:
        raise RefusedError(f"a path is made with a variable: {path.replace(UNKNOWN, '…')}")
    if not path.lower().startswith("file:"):
        return path.partition("#")[0] if path.startswith((".", "/")) else path
    from urllib.parse import unquote

    place = path[5:].partition("#")[0]
    if place.startswith("//"):
        host, slash, rest = place[2:].partition("/")
        if host not in ("", "localhost"):
            raise RefusedError(f"{path} names another host")
        place = slash + rest
    return unquote(place)


def _is_archive(files: Collector, path: str) -> bool:
    return path.lower().endswith(_ARCHIVES) and files.view.is_file(path)


def _what_it_reads(files: Collector, path: str) -> str:
    setup = join(path, "setup.py")
    text = files.view.read(setup) if files.view.is_file(setup) else None
    if text is None:
        return ""
    from optimizer.manifests.setup_py import facts

    reads = facts(text, setup).reads
    return f"; its setup.py also reads {', '.join(reads)}" if reads else ""
