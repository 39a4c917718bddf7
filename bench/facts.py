"""What a rewrite lost: facts of a Dockerfile before and after, counted the same way for every tool.

Everything is compared as a set for the whole file, so that sorting, merging and reformatting cost nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from bench import buildkit
from bench.buildkit import Instruction

_INSTALLS = {
    "apt": ("install",),
    "apt-get": ("install",),
    "apk": ("add",),
    "dnf": ("install",),
    "microdnf": ("install",),
    "yum": ("install",),
    "zypper": ("install", "in"),
    "pip": ("install",),
    "pip3": ("install",),
}
_TOKEN = re.compile(
    r"""(?P<space>(?:[ \t\r]|\\\n)+)
      | (?P<comment>\#[^\n]*)
      | (?P<word>(?: '[^']*' | "(?:\\.|[^"\\])*" | \$\((?:[^()]|\([^()]*\))*\) | \\. | [^\s'"\\;&|()<>] )+)
      | (?P<end>[;&|()<>\n]|.)""",
    re.VERBOSE | re.DOTALL,
)
_AUTHORS = {"maintainer": "authors", "org.opencontainers.image.authors": "authors"}  # what MAINTAINER becomes
_RESERVED = frozenset({"!", "{", "do", "elif", "else", "if", "sudo", "then", "until", "while"})  # a command follows
_ARCHIVE = re.compile(r"\.(tar|tar\.gz|tgz|tar\.bz2|tbz2?|tar\.xz|txz|tar\.zst)$")


@dataclass(frozen=True, slots=True)
class Losses:
    """What is in the file before and not after; each entry in words for a person."""

    comments: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    instructions: tuple[str, ...] = ()  # names declared, sources copied, ports, triggers, …
    bases: tuple[str, ...] = ()  # base images that are no longer used
    archives: tuple[str, ...] = ()  # archives that ADD unpacked and COPY does not
    scripts: tuple[str, ...] = ()  # RUN bodies that neither dash nor bash can read, where each could be read


def losses(before: bytes, after: bytes) -> Losses:
    """Compares two texts that BuildKit takes."""
    if before == after:
        return Losses()
    old, new = buildkit.read(before).instructions, buildkit.read(after).instructions
    rest = _plain(after.decode("utf-8", "replace"))
    return Losses(
        comments=tuple(text for text in buildkit.comments(before) if _plain(text) not in rest),
        packages=_less(_packages(old), _packages(new)),
        instructions=_less(_names(old), _names(new)),
        bases=_less(_bases(old), _bases(new)),
        archives=_less(_archives(old, "ADD"), _archives(new, "ADD")),
        scripts=() if _unreadable(old) else tuple(_unreadable(new)),
    )


def simple_commands(script: str) -> Iterator[list[str]]:
    """The words between operators, comments left out. A scan for counting, not a shell parser."""
    words: list[str] = []
    for token in _TOKEN.finditer(script):
        if token.lastgroup == "word":
            words.append(token[0].strip("'\""))
        elif token.lastgroup == "end" and words:
            yield words
            words = []
    if words:
        yield words


def _packages(instructions: tuple[Instruction, ...]) -> set[str]:
    found: set[str] = set()
    for each in instructions:
        if "RUN" not in (each.keyword, each.trigger):
            continue
        commands = [list(each.value)] if each.exec_form else simple_commands(each.script)
        for words in commands:
            while words and (words[0] in _RESERVED or "=" in words[0]):
                words = words[1:]
            verbs = _INSTALLS.get(words[0], ()) if words else ()
            start = next((place for place, word in enumerate(words) if word in verbs), len(words))
            found.update(re.split("[=~<>]", word)[0] for word in words[start + 1 :] if word[:1] not in "-")
    return found


def _names(instructions: tuple[Instruction, ...]) -> set[str]:
    found: set[str] = set()
    triggers: list[str] = []
    for each in instructions:
        keyword, words = each.keyword, each.value
        if keyword == "ENV":
            found.update(f"ENV {name}" for name in words[::2])
        elif keyword == "LABEL":
            found.update(f"LABEL {_AUTHORS.get(name, name)}" for name in (word.strip("'\"") for word in words[::2]))
        elif keyword == "MAINTAINER":
            found.add(f"LABEL {_AUTHORS['maintainer']}")
        elif keyword == "ARG":
            found.update(f"ARG {word.split('=')[0]}" for word in words)
        elif keyword == "EXPOSE":
            found.update(f"EXPOSE {word.removesuffix('/tcp')}" for word in words)
        elif keyword in ("ADD", "COPY") and not each.heredocs:
            found.update(f"COPY {word.removeprefix('./').rstrip('/')}" for word in words[:-1])
        elif keyword in ("VOLUME", "USER", "WORKDIR", "STOPSIGNAL"):
            found.update(f"{keyword} {word.rstrip('/')}" for word in words)
        elif keyword in ("CMD", "ENTRYPOINT", "HEALTHCHECK", "SHELL"):
            found.add(keyword)
        elif keyword == "ONBUILD":
            triggers.append("COPY" if each.trigger == "ADD" else each.trigger)
            found.add(f"ONBUILD {triggers[-1]} ({triggers.count(triggers[-1])})")
    names = (word[2] for word in (e.value for e in instructions if e.keyword == "FROM") if len(word) > 2)
    return found | {f"stage {name.lower()}" for name in names}


def _bases(instructions: tuple[Instruction, ...]) -> set[str]:
    return {each.value[0] for each in instructions if each.keyword == "FROM" and each.value}


def _archives(instructions: tuple[Instruction, ...], keyword: str) -> set[str]:
    sources = (word for each in instructions if each.keyword == keyword for word in each.value[:-1])
    return {word.removeprefix("./") for word in sources if _ARCHIVE.search(word) and "://" not in word}


def _unreadable(instructions: tuple[Instruction, ...]) -> list[str]:
    shell = True
    found = []
    for each in instructions:
        if each.keyword == "FROM":
            shell = True
        elif each.keyword == "SHELL":
            shell = "sh" in each.value[0].rsplit("/", 1)[-1] and "power" not in each.value[0].lower()
        elif each.keyword == "RUN" and shell and not each.exec_form and not _readable(each.script):
            found.append(each.script[:120])
    return found


@cache
def _readable(script: str) -> bool:
    """Whether dash or bash reads it to its end; `-n` executes nothing."""
    if "\0" in script:
        return True
    shells = [path for path in map(shutil.which, ("dash", "bash")) if path]
    run = (subprocess.run([sh, "-n", "-c", script], capture_output=True, check=False) for sh in shells)
    return any(ended.returncode == 0 for ended in run)


def _plain(text: str) -> str:
    return re.sub(r"[\s#]+", " ", text).strip().lower()


def _less(before: set[str], after: set[str]) -> tuple[str, ...]:
    return tuple(sorted(before - after))
