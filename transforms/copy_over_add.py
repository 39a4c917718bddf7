"""ADD that only copies becomes COPY."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from optimizer.checks import instruction_text
from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.fix import Edit, Options, Phase, Proposal, Transform
from optimizer.model import Model

ADD_ONLY = frozenset({"keep-git-dir", "checksum", "unpack"})
ARCHIVES = (".tar", ".gz", ".tgz", ".bz2", ".tbz", ".tbz2", ".xz", ".txz", ".zst", ".tzst", ".lzma", ".lz", ".z")
PLAIN = frozenset(
    # scripts and sources
    {"bash", "bat", "c", "cc", "cpp", "cs", "css", "csproj", "dart", "erl", "ex", "exs", "fish", "go", "groovy", "h"}
    | {"hpp", "html", "java", "js", "jsx", "kt", "lua", "mjs", "php", "pl", "pm", "proto", "ps1", "py", "r", "rb", "rs"}
    | {"scala", "sh", "sln", "sql", "tcl", "tf", "ts", "tsx", "vue", "zsh"}
    # settings and data
    | {"cert", "cfg", "cnf", "conf", "config", "crt", "csv", "env", "gradle", "ini", "json", "key", "ldif", "list"}
    | {"lock", "md", "mod", "pem", "policy", "properties", "repo", "rst", "sbt", "service", "sum", "svg", "template"}
    | {"tmpl", "toml", "txt", "xml", "yaml", "yml"}
)
"""File name extensions that no archive has."""
READ = 2**20
"""Bytes up to which a file is looked into; what is larger and has such a name is data."""
PLAIN_NAMES = frozenset({"Dockerfile", "Gemfile", "LICENSE", "Makefile", "Pipfile", "Procfile", "README", "Rakefile"})


class CopyOverAdd(Transform):
    """Write COPY where ADD does nothing but copy.

    ## What it does
    Replaces ADD by COPY when every source is a file or folder of the build context that ADD does not unpack.

    ## Why
    ADD also downloads and unpacks. A reader has to rule both out, and a file that turns into an archive later is
    unpacked without a word. COPY says what happens.

    ## Example
    ```dockerfile
    FROM python:3.12-slim
    ADD requirements.txt /app/
    ```

    ## Instead
    ```dockerfile
    FROM python:3.12-slim
    COPY requirements.txt /app/
    ```

    ## When it refuses
    - a source is a URL or a Git repository, or holds a variable that could be one;
    - a source may be an archive: its name ends like one, or it has no ending that rules it out and there is no build
      context to look into;
    - a flag is used that COPY does not have (`--checksum`, `--keep-git-dir`, `--unpack`).

    ## Safety
    Safe: COPY and ADD put the same files in the same places for these sources (semantics, section 1).
    """

    name = "copy_over_add"
    summary = "ADD that only copies becomes COPY"
    phase = Phase.INSTRUCTIONS
    hadolint = ("DL3020",)

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        for instruction in model.document.instructions:
            add = instruction.sub or instruction
            if add.keyword != "ADD":
                continue
            # What ONBUILD adds comes from the build context of another build.
            if reason := _more_than_copying(add, context if add is instruction else None):
                yield self.refuse(instruction, reason, "section 1")
                continue
            keyword = "add" if add.written_keyword.islower() else "ADD"
            start = add.offset(0)
            was = instruction_text(instruction)
            yield self.fix(
                instruction,
                [Edit(start, start + 3, "copy" if keyword == "add" else "COPY")],
                "ADD copies here and nothing else: COPY says so, and unpacks or downloads nothing by surprise",
                "",
                removes=[was],
                adds=[was.replace("ADD", "COPY", 1)],
            )


def _more_than_copying(add: Instruction, context: BuildContext | None) -> str | None:
    """Why this ADD may do more than COPY would, or None when it only copies."""
    for flag in add.flags:
        if flag.name in ADD_ONLY:
            return f"--{flag.name} is for ADD only"
    sources = add.words[:-1]
    for source in sources:
        if source.startswith("<<"):
            continue
        if "://" in source or _is_remote(source) or source.split("#")[0].endswith(".git"):
            return f"{source} is downloaded, which COPY does not do"
        if "$" in source:
            return f"{source} may stand for a URL"
        if reason := _may_be_archive(source, context):
            return reason
    return None


def _is_binary(path: str, context: BuildContext) -> bool:
    """Whether a file is no text whatever its name says: what ADD unpacks is told by the content alone."""
    found = (match for match in context.glob(path) if context.is_file(match))
    return any(context.read(match) is None and (context.size(match) or 0) <= READ for match in found)


def _is_remote(source: str) -> bool:
    """Whether a source is a repository as ssh writes it: ``git@host:path``."""
    user, at, place = source.partition("@")
    return bool(user and at) and "/" not in user and ":" in place.partition("/")[0]


def _may_be_archive(source: str, context: BuildContext | None) -> str | None:
    path = posixpath.normpath(source).lstrip("/")
    name = posixpath.basename(path)
    if name.lower().endswith(ARCHIVES):
        return f"ADD unpacks {source} if it is a tar archive"
    if source.endswith("/") or path in (".", ""):
        return None
    _, dot, ending = name.rpartition(".")
    plain = (dot and ending.lower() in PLAIN) or name in PLAIN_NAMES
    if plain and (context is None or not _is_binary(path, context)):
        return None
    if context is None:
        return f"without a build context to look into, {source} may be an archive, which ADD unpacks"
    found = context.glob(path)
    if not found:
        return f"{source} is not in the build context, so it may be an archive, which ADD unpacks"
    for match in found:
        if not context.is_dir(match) and "\0" in (context.read(match) or "\0"):
            return f"{match} is no text file, so it may be an archive, which ADD unpacks"
    return None
