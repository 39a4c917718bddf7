"""What of its build context a Dockerfile uses, besides what it copies: who reads a path that a broad COPY takes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache

from msgspec import Struct

from optimizer import leftovers
from optimizer.context import BuildContext
from optimizer.copies import Copied, copied, origin
from optimizer.document import Instruction, ParseError
from optimizer.leftovers import Kind, Leftover
from optimizer.model import Model, Stage, read
from optimizer.packages.reading import program_name, unversioned, unwrap

READERS = frozenset({"RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "ENV", "ONBUILD"})
VERSION_TOOLS = (
    "setuptools_scm", "setuptools-scm", "hatch-vcs", "hatch_vcs", "versioneer", "dunamai", "dynamic-versioning",
    "vergen", "git-commit-id", "gitversion", "nbgv", "buildvcs", "git rev-parse", "git describe", "git log", "git show",
    "git ls-files", "git status", "git diff", "git submodule",
)  # fmt: skip
"""What reads the version history when a project is built."""
VERSIONED = (
    "pyproject.toml", "setup.py", "setup.cfg", "package.json", "Cargo.toml", "build.rs", "pom.xml", "build.gradle*",
    "Makefile", "CMakeLists.txt", "*.gemspec", "*.sh", "*.*proj",
)  # fmt: skip
NEEDS_NO_HISTORY = frozenset({"clone", "config", "init", "lfs", "--version"})
SCRIPT_RUNNERS = frozenset({"npm", "npx", "yarn", "pnpm", "bun", "next", "nuxt", "ng", "vite", "lerna", "nx", "turbo"})
BUILDING = ("build", "compile", "generate", "export", "bundle")
"""Words by which a program that does many things is known to build."""
NOTEBOOK_TOOLS = ("jupyter", "notebook", "ipynb", "papermill", "voila", "nbconvert")
SOURCES = frozenset({
    "py", "js", "mjs", "cjs", "ts", "tsx", "jsx", "json", "toml", "yml", "yaml", "cfg", "ini", "conf", "sh", "rb",
    "php", "go", "java", "kt", "rs", "cs", "html", "vue", "gradle", "xml", "tf",
})  # fmt: skip
"""Endings of the files that may name another file."""
MOST_SOURCES = 2_000
MOST_DOCKERFILES = 50
LOGIN_READERS = {
    ".npmrc": frozenset({"npm", "npx", "yarn", "pnpm", "bun"}),
    ".yarnrc.yml": frozenset({"yarn"}),
    ".pypirc": frozenset({"pip", "uv", "poetry", "twine"}),
    ".netrc": frozenset({"pip", "uv", "poetry", "git", "go", "curl"}),
    ".git-credentials": frozenset({"git", "pip", "uv", "poetry", "npm", "yarn", "pnpm", "go", "cargo"}),
}
"""Which programs read a file with credentials while the image is built."""


class ContextUse(Struct, frozen=True, dict=True):
    """A Dockerfile and its build context, with what both say about a path that need not be copied."""

    model: Model
    context: BuildContext

    @cached_property
    def path(self) -> str:
        return self.context.ignore_path or ".dockerignore"

    @cached_property
    def copies(self) -> tuple[Copied, ...]:
        return tuple(each for stage in self.model.stages for each in copied(stage))

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The folders that a broad COPY takes."""
        return tuple(sorted({
            posixpath.dirname(each.source) if posixpath.basename(each.source) == "*" else each.source
            for each in self.copies
            if each.source is not None and each.is_broad(self.context)
        }))  # fmt: skip

    @cached_property
    def leftovers(self) -> tuple[Leftover, ...]:
        """What a broad COPY takes and need not."""
        found = {each.path: each for root in self.roots for each in leftovers.find(self.context, root)}
        return tuple(found.values())

    @property
    def itself(self) -> Leftover | None:
        """The file with the rules, where this makes it and the COPY would take it from then on."""
        if "" not in self.roots or self.context.ignore_path is not None:
            return None
        return Leftover(self.path, Kind.CI, self.path)

    @cached_property
    def dockerfiles(self) -> tuple[str, ...]:
        """The other Dockerfiles that may be built from the same context."""
        shown = [each.path for each in self.leftovers if leftovers.is_dockerfile(posixpath.basename(each.path))]
        return tuple(sorted({*shown, *filter(leftovers.is_dockerfile, self.context.names_on_disk())}))

    @cached_property
    def sources(self) -> tuple[tuple[str, int, str | None], ...]:
        """Every source of a COPY in them and in this one: the Dockerfile's path ("" for this one), line, and source."""
        found = [("", each.instruction.line, each.source) for each in self.copies]
        for path in self.dockerfiles:
            text = self.context.read_on_disk(path)
            if text is not None and text != self.model.document.text:
                found += ((path, line, source) for line, source in _sources(text))
        return tuple(found)

    @cached_property
    def named(self) -> dict[str, str]:
        """What the sources stand for, and where they are named; not of one that takes whatever lies there."""
        found: dict[str, str] = {}
        for path, line, source in self.sources:
            if source is not None and posixpath.basename(source) != "*":
                for match in self.context.glob(source):
                    found.setdefault(match, f"line {line}{f' of {path}' if path else ''}")
        return found

    def unclear(self) -> str | None:
        """Why nothing may be ignored at all."""
        ignore = self.context.ignore
        if ignore is not None and ignore.problems:
            return f"what is ignored now is not clear: {ignore.problems[0]}"
        if ignore is not None and self.context.read_on_disk(self.path) is None:
            return f"{self.path} cannot be read as text"
        if len(self.dockerfiles) > MOST_DOCKERFILES:
            return f"more than {MOST_DOCKERFILES} Dockerfiles may be built from this context"
        for path, line, source in self.sources:
            if source is None:
                return f"a source in line {line}{f' of {path}' if path else ''} has a variable: it may name anything"
        return None

    def completed(self, patterns: Iterable[str]) -> str:
        """The rules in force, byte for byte, and the patterns behind them."""
        text = self.context.read_on_disk(self.path) if self.context.ignore is not None else None
        newline = "\r\n" if text and "\r\n" in text else "\n"
        head = text or ""
        if head and not head.endswith("\n"):
            head += newline
        return head + "".join(f"{pattern}{newline}" for pattern in patterns)

    def images_of(self, found: Iterable[Leftover]) -> list[str]:
        """Where the leftovers lie in the images."""
        places = (copy.lands(each.path, self.context) for each in found for copy in self.copies)
        return list(dict.fromkeys(place for place in places if place is not None))

    def against(self, leftover: Leftover) -> str | None:
        """Why the leftover has to be copied after all, or None."""
        return (
            self._brought_back(leftover)
            or self._copied_by_name(leftover)
            or (self._made_again(leftover) if leftover.makers else self._read_by_name(leftover))
            or (self._read_as_history() if leftover.kind is Kind.HISTORY else None)
            or (self._read_as_login(leftover) if leftover.kind is Kind.SECRET else None)
            or (self._read_as_notes(leftover) if leftover.kind is Kind.NOTES else None)
        )

    def _brought_back(self, leftover: Leftover) -> str | None:
        for rule in self.context.ignore.rules if self.context.ignore else ():
            if rule.exception and (rule.matches(leftover.path) or rule.head.startswith(f"{leftover.path}/")):
                return f"line {rule.line} of {self.path} brings it back"
        return None

    def _copied_by_name(self, leftover: Leftover) -> str | None:
        return next((f"{where} names it" for path, where in self.named.items() if leftover.hides(path)), None)

    def _made_again(self, leftover: Leftover) -> str | None:
        name = posixpath.basename(leftover.path)
        for stage in self.model.stages:
            if not any(each.lands(leftover.path, self.context) for each in copied(stage)):
                continue
            family = (*stage.lineage, *self.model.descendants(stage))
            if not any(_makes(each, leftover) or _brings(each, name) for each in family):
                return f"no command in the stage of line {stage.origin.line} makes it: the image may rely on this one"
        return None

    def _read_by_name(self, leftover: Leftover) -> str | None:
        name = posixpath.basename(leftover.path)
        if name in self.model.document.text:
            for stage, instruction, word in self.words:
                if name in word and self._means(word, leftover.path, stage):
                    return f"line {instruction.line} names it"
        return None

    @cached_property
    def words(self) -> tuple[tuple[Stage, Instruction, str], ...]:
        """What may be a path in the instructions that run something, or say what is run."""
        return tuple(
            (stage, instruction, word)
            for stage in self.model.stages
            for instruction in stage.instructions
            if instruction.keyword in READERS
            for word in _tokens(instruction)
        )

    def _means(self, word: str, path: str, stage: Stage) -> bool:
        """Whether a word of an instruction may mean the path of the context, or something below it."""
        if word.startswith(("~", "$HOME")) or "://" in word:
            return False
        if not word.startswith("/"):
            return posixpath.basename(path) in word.split("/")
        copies = [each for some in stage.lineage for each in copied(some)]
        source = origin(copies, posixpath.normpath(word), self.context)
        return source is not None and (source == path or source.startswith(f"{path}/"))

    def _read_as_history(self) -> str | None:
        for stage in self.model.stages:
            for call in _calls(stage):
                if call.words[0] == "git" and not NEEDS_NO_HISTORY & set(call.words):
                    return f"line {call.line} calls git"
            for instruction in stage.instructions:
                text = _text(instruction).lower()
                if instruction.keyword in READERS and (tool := next((t for t in VERSION_TOOLS if t in text), None)):
                    return f"line {instruction.line} names {tool}"
        for pattern in VERSIONED:
            for path in self.context.glob(pattern):
                content = (self.context.read(path) or "").lower()
                if tool := next((tool for tool in VERSION_TOOLS if tool in content), None):
                    return f"{path} names {tool}, which reads the version history"
        return None

    def _read_as_login(self, leftover: Leftover) -> str | None:
        name = posixpath.basename(leftover.path)
        for stage in self.model.stages:
            for call in _calls(stage):
                if call.words[0] in LOGIN_READERS.get(name, ()):
                    return (
                        f"{call.words[0]} in line {call.line} reads it while the image is built: "
                        "give it with RUN --mount=type=secret instead"
                    )
        return self._named_in_sources(name) if name.endswith((".pem", ".key")) else None

    def _read_as_notes(self, leftover: Leftover) -> str | None:
        text = self.model.document.text.lower()
        if leftover.pattern.endswith(".ipynb"):
            if tool := next((tool for tool in NOTEBOOK_TOOLS if tool in text), None):
                return f"the Dockerfile names {tool}"
            return self._named_in_sources(".ipynb")
        name = posixpath.basename(leftover.path)
        return self._named_in_sources(f"{name}/", f'"{name}"', f"'{name}'")

    def _named_in_sources(self, *needles: str) -> str | None:
        """Which file of the project names it; the leftovers themselves are not asked."""
        for count, path in enumerate(self._sources()):
            if count == MOST_SOURCES:
                return f"there are more than {MOST_SOURCES} files that could name it"
            text = self.context.read(path) or ""
            if any(needle in text for needle in needles):
                return f"{path} names it"
        return None

    def _sources(self) -> Iterator[str]:
        for path in leftovers.rest(self.context, ""):
            if path.rpartition(".")[2] in SOURCES or posixpath.basename(path) == "Makefile":
                yield path


class _Call(Struct, frozen=True):
    """A command that a RUN calls: the program without folder and version, and the words behind it as written."""

    line: int
    words: tuple[str, ...]


def _calls(stage: Stage) -> Iterator[_Call]:
    """The commands of the stage's RUNs; of a script that cannot be read, every word as if it were called."""
    for run in stage.runs:
        line = run.instruction.line
        if run.parsed is not None:
            for command in run.commands():
                words = command.words[unwrap(command.words) :]
                if words and (name := program_name(words[0])):
                    yield _Call(line, (unversioned(name), *(word.text for word in words[1:])))
        else:
            tokens = [posixpath.basename(token) for token in _tokens(run.instruction)]
            yield from (_Call(line, (unversioned(token), *tokens)) for token in tokens)


@lru_cache(maxsize=256)
def _sources(text: str) -> tuple[tuple[int, str | None], ...]:
    """The sources of each COPY in a Dockerfile, with their lines; none where nobody can build it."""
    try:
        stages = read(text).stages
    except ParseError:
        return ()
    return tuple((each.instruction.line, each.source) for stage in stages for each in copied(stage))


def _makes(stage: Stage, leftover: Leftover) -> bool:
    """Whether a command of the stage writes what the leftover is."""
    for call in _calls(stage):
        if call.words[0] not in leftover.makers:
            continue
        if leftover.kind is not Kind.OUTPUT or call.words[0] not in SCRIPT_RUNNERS:
            return True
        if any(verb in word for word in call.words[1:] for verb in BUILDING):
            return True
    return False


def _brings(stage: Stage, name: str) -> bool:
    """Whether the stage takes something of that name from another stage or image."""
    return any(
        instruction.keyword == "COPY"
        and instruction.flag("from")
        and any(name in word.split("/") for word in instruction.words[:-1])
        for instruction in stage.instructions
    )


def _text(instruction: Instruction) -> str:
    return "\n".join((instruction.args, *(body.content for body in instruction.heredocs)))


_PATHLIKE = "._-/~$@+*?"


def _tokens(instruction: Instruction) -> list[str]:
    """What in an instruction may be a path, in whatever form it is written."""
    return "".join(char if char.isalnum() or char in _PATHLIKE else " " for char in _text(instruction)).split()
