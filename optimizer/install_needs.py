"""What installing language packages needs that a slim image lacks, read from the lists and locks it installs from."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from msgspec import Struct

from optimizer.context import BuildContext
from optimizer.copies import Copied, origin
from optimizer.language_packages import Minor, cargo_lock, node_lock, python_lock, python_need, requirement
from optimizer.manifests.base import RefusedError
from optimizer.manifests.options import Arguments
from optimizer.packages.reading import program_name, unversioned
from optimizer.shell import Word


class Place(Struct, frozen=True):
    """The working directory of a command: what the files there are, as far as they come from the build context."""

    context: BuildContext | None
    copies: Sequence[Copied]
    workdir: str | None

    def path(self, path: str) -> str | None:
        """The path in the context that a path in the image was copied from."""
        if self.context is None or (self.workdir is None and not path.startswith("/")):
            return None
        return origin(self.copies, posixpath.normpath(posixpath.join(self.workdir or "/", path)), self.context)

    def text(self, path: str) -> str | None:
        """The text of a file; None where it does not come from the context, or is no text."""
        found = self.path(path)
        return None if found is None or self.context is None else self.context.read(found)

    def beside(self, path: str) -> Place:
        """The folder of a file as working directory."""
        folder = posixpath.dirname(path)
        return Place(self.context, self.copies, None if self.workdir is None else posixpath.join(self.workdir, folder))


class Runs(Struct, frozen=True):
    """What a command runs in its turn: a command, or a script as text."""

    words: tuple[Word, ...] = ()
    text: str = ""


LOCKS = {"uv": "uv.lock", "poetry": "poetry.lock", "pdm": "pdm.lock"}
NODE = frozenset({"npm", "yarn", "pnpm", "bun"})
NODE_INSTALL = frozenset({"install", "i", "ci", "add", "clean-install"})
LIFECYCLE = ("preinstall", "install", "postinstall", "prepare")
GLOBAL_NODE = frozenset({
    "npm", "yarn", "pnpm", "typescript", "ts-node", "nodemon", "pm2", "serve", "http-server", "turbo", "corepack",
})  # fmt: skip
"""npm packages for the command line that compile nothing."""
COMPILING = {
    "gem": "install", "bundle": "install", "bundler": "install", "cpanm": "", "cpan": "", "cpm": "install",
    "carton": "install", "pecl": "install", "luarocks": "install", "opam": "install",
}  # fmt: skip
"""Package managers whose packages often compile, and the subcommand that installs; "" for any."""


class Installs(Struct, frozen=True):
    """What is there when a command installs packages."""

    place: Place
    minor: Minor
    installed: frozenset[str]

    def command(self, words: Sequence[Word]) -> Iterator[str | Runs]:
        """What a command needs if it is a package manager's, and what it runs; nothing for any other command."""
        name = unversioned(program_name(words[0]) or "") if words else ""
        behind = list(words[1:])
        at = next((at for at, word in enumerate(behind) if not word.text.startswith("-")), len(behind))
        sub = behind[at].literal if at < len(behind) else ""
        if name == "pip":
            yield from self.pip(behind)
        elif name == "uv" and sub == "pip":
            yield from self.pip(behind[at + 1 :])
        elif name in LOCKS or name == "pipenv":
            if sub in ("install", "sync", "update", "run", "add", "tool"):
                yield from self.lock(LOCKS[name]) if name in LOCKS else self.pipfile()
            if sub == "run":
                yield Runs(tuple(behind[at + 1 :]))
        elif name in NODE:
            yield from self._node(name, sub, behind[at + 1 :], any(w.text in ("-g", "--global") for w in behind))
        elif name in COMPILING:
            if sub == "exec":
                yield Runs(tuple(behind[at + 1 :]))
            elif sub in (COMPILING[name], "update") or not COMPILING[name] or (name == "bundle" and not sub):
                yield f"calls {name}, and what it installs may be compiled"
        elif name == "cargo":
            if sub == "install" and at + 1 < len(behind) and "--path" not in [word.text for word in behind]:
                yield "installs a crate, and it may need a library"
            elif sub not in ("", "login", "init", "new", "--version", None):
                yield from self.cargo()

    def _node(self, name: str, sub: str | None, behind: Sequence[Word], globally: bool) -> Iterator[str | Runs]:
        if sub == "global":
            globally, sub, behind = True, "add", behind[1:]
        named = [word.literal or word.text for word in behind if not word.text.startswith("-")]
        if sub in NODE_INSTALL or (name == "yarn" and not sub):
            plain = [each[:1] + each[1:].partition("@")[0] for each in named]
            strange = [each for each in plain if not globally or each not in GLOBAL_NODE]
            if strange:
                yield f"installs {strange[0]}, and it is not known here whether that is compiled"
            if not globally:
                yield from self.node(name)
                yield from self._scripts(LIFECYCLE, required=False)
        elif sub in ("run", "run-script"):
            yield from self._scripts(named[:1])
        elif sub in ("start", "test", "build") or (name == "yarn" and sub):
            yield from self._scripts([sub or ""], required=name != "yarn")

    def _scripts(self, names: Sequence[str], required: bool = True) -> Iterator[str | Runs]:
        """The scripts of package.json, with those that npm runs before and after them."""
        import json

        try:
            scripts = json.loads(self.place.text("package.json") or "").get("scripts", {})
        except (ValueError, AttributeError, RecursionError):
            if required:
                yield "runs a script of package.json, which cannot be looked into"
            return
        for name in names:
            for each in (f"pre{name}", name, f"post{name}"):
                if isinstance(text := scripts.get(each), str):
                    yield Runs(text=text)

    def pip(self, words: Sequence[Word]) -> Iterator[str]:
        """What ``pip`` needs; the words are those behind it."""
        from optimizer.manifests.pip import GRAMMAR

        try:
            arguments = GRAMMAR.read([word.literal for word in words])
            command, *wanted = arguments.operands or ("",)
            if command in ("install", "download", "wheel"):
                yield from self._named(arguments, wanted)
        except RefusedError as refused:
            yield f"what pip installs cannot be known: {refused}"

    def _named(self, arguments: Arguments, wanted: Sequence[str]) -> Iterator[str]:
        for path in arguments.values("--requirement"):
            yield from self._list(self.place, path)
        for text in wanted:
            yield from self._wanted(self.place, text)
        for text in arguments.values("--editable"):
            yield from self._project(self.place, text)

    def _list(self, place: Place, path: str) -> Iterator[str]:
        from optimizer.manifests.requirements import lines, split

        text = place.text(path)
        if text is None:
            yield f"{path} cannot be looked into, and a package in it may need a compiler"
            return
        for line in lines(text):
            named, arguments = split(line)
            for reason in self._line(place.beside(path), named, arguments):
                yield f"{reason} ({posixpath.basename(path)})"

    def _line(self, place: Place, named: str, arguments: Arguments) -> Iterator[str]:
        for nested in arguments.values("--requirement"):
            yield from self._list(place, nested)
        for text in arguments.values("--editable"):
            yield from self._project(place, text)
        if named:
            yield from self._wanted(place, named)

    def _wanted(self, place: Place, text: str) -> Iterator[str]:
        if text.startswith((".", "/")):
            yield from self._project(place, text)
        elif (found := requirement(text)) is None:
            yield f"{text} is built from its sources"
        elif need := python_need(found, self.minor, self.installed):
            yield need

    def _project(self, place: Place, path: str) -> Iterator[str]:
        """A project in a folder: its requirements, those of its build, and whether it compiles."""
        import tomllib

        folder = path.partition("[")[0]
        if "://" in folder or not folder.startswith((".", "/")):
            yield f"{path} is built from its sources"
            return
        setup = place.text(posixpath.join(folder, "setup.py"))
        text = place.text(posixpath.join(folder, "pyproject.toml"))
        try:
            tables = tomllib.loads(text or "")
        except tomllib.TOMLDecodeError:
            tables = {}
        project = tables.get("project", {})
        if setup is not None or "dependencies" not in project or "dependencies" in project.get("dynamic", ()):
            yield f"what the project in {folder} needs is not said in the [project] table of a pyproject.toml"
            return
        for wanted in (*project["dependencies"], *tables.get("build-system", {}).get("requires", ())):
            yield from self._wanted(place, str(wanted))

    def lock(self, *names: str) -> Iterator[str]:
        """What the packages of a Python lock file in the working directory need."""
        text = next((text for name in names if (text := self.place.text(name)) is not None), None)
        if text is None:
            yield f"{names[0]} cannot be looked into, and a package in it may need a compiler"
        else:
            yield from (f"{need} ({names[0]})" for need in python_lock(text, self.minor, self.installed))

    def pipfile(self) -> Iterator[str]:
        """What the packages of Pipfile.lock need."""
        import json

        text = self.place.text("Pipfile.lock")
        try:
            groups = json.loads(text or "")
            wanted = [f"{name}{entry.get('version', '')}" for name, entry in groups["default"].items()]
        except (ValueError, KeyError, AttributeError):
            yield "Pipfile.lock cannot be looked into, and a package in it may need a compiler"
            return
        for each in wanted:
            yield from self._wanted(self.place, each)

    def node(self, program: str) -> Iterator[str]:
        """What the packages of a JavaScript lock file in the working directory need."""
        names = {"yarn": ("yarn.lock",), "pnpm": ("pnpm-lock.yaml",)}.get(
            program, ("package-lock.json", "npm-shrinkwrap.json")
        )
        for name in names:
            if (text := self.place.text(name)) is not None:
                yield from (f"{need} ({name})" for need in node_lock(name, text))
                return
        yield f"there is no {names[0]} to look into, and a package may be compiled"

    def cargo(self) -> Iterator[str]:
        """What the crates of Cargo.lock need."""
        text = self.place.text("Cargo.lock")
        if text is None:
            yield "there is no Cargo.lock to look into, and a crate may need a library"
        else:
            yield from (f"{need} (Cargo.lock)" for need in cargo_lock(text))
