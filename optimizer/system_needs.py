"""What the instructions of a stage need that the full variant of its base image has and the slim one has not."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from optimizer import leftovers
from optimizer.context import BuildContext
from optimizer.copies import Copied, copied
from optimizer.document import Instruction
from optimizer.image_tools import BUILDERS, BUILDING, IMAGES, NETWORK, Official, brought_by, package_of, slim_tag
from optimizer.images import parse_reference
from optimizer.install_needs import Installs, Place
from optimizer.instructions import health, settings
from optimizer.language_packages import Minor
from optimizer.model import Model, Stage
from optimizer.packages import reading
from optimizer.packages.commands import is_known
from optimizer.packages.managers import APT
from optimizer.packages.reading import program_name, unversioned, unwrap
from optimizer.shell import Opaque, Script, Simple, Word, parse, walk

INTERPRETERS = frozenset({"python", "node", "nodejs", "ruby", "perl"})
SHELLS = frozenset({"sh", "bash", "dash"})
NO_SLIM_PATHS = ("/usr/share/doc", "/usr/share/man", "/usr/share/info", "/usr/share/locale")
FULL_PATHS = ("/usr/include", "/usr/lib/", "/usr/share/fonts", "/usr/share/mime", "/usr/bin/python", "/usr/bin/perl")
MANUALS = ("openjdk-", "default-jre", "default-jdk", "postgresql")
"""apt packages whose installation links manual pages, for which slim images may lack the folder."""
INSTALLED_IN = ("venv/bin/", "node_modules/.bin/", ".local/bin/", ".cargo/bin/", "target/", "/usr/", "/bin/", "/sbin/")
"""Where programs lie that the base image has, or that an install or a build put there."""
PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
ARGUMENTS = frozenset({'"$@"', "$@"})
INLINE = frozenset({"-c", "-e", "-p", "--eval"})
COMPILED_ELSEWHERE = frozenset({"gcc", "buildpack-deps"})
ENDINGS = frozenset({"py", "js", "mjs", "cjs", "ts", "rb", "pl", "pm", "rs", "php"})
SPAWNING = ("subprocess", "os.system", "os.popen", "pexpect", "child_process", "execa", "shelljs", "Open3", "system(",
            "Command::new", "shell_exec", "Deno.Command")  # fmt: skip
"""What a source file says that starts other programs."""
_QUOTED = re.compile(r"""["'`]([A-Za-z][\w+.-]*)(?=["'` ])""")
MOST_SOURCES = 2_000
DEEPEST = 8


class Need(Struct, frozen=True):
    """The first thing that a stage needs: the line, and a reason that reads on from ``line 5 ``."""

    line: int
    reason: str


def first_need(
    model: Model,
    stage: Stage,
    context: BuildContext | None,
    image: Official,
    minor: Minor,
    asked: frozenset[int] = frozenset(),
) -> Need | None:
    """What the stage, or a stage built on it, needs of the full image; None where nothing is found that it could.

    ``minor`` is the x of Python 3.x that the image has; ``asked`` are numbers of stages that are being looked at
    already: stages may take files from one another in turns.
    """
    asked |= {stage.index}
    for leaf in (stage, *model.descendants(stage)):
        chain = [each for each in reversed(list(leaf.lineage)) if each.index >= stage.index]
        if need := _Chain(model, context, image, minor, asked).first(chain):
            return need
        if _is_for_anything(model, leaf, chain) and image.name != "debian":
            return Need(leaf.origin.line, "begins an image that says with no CMD or ENTRYPOINT what runs in it")
    return None


def _is_for_anything(model: Model, leaf: Stage, chain: Sequence[Stage]) -> bool:
    """Whether the stage is an image of its own, and nothing says what it is for."""
    starts = any(each.keyword in ("CMD", "ENTRYPOINT") for stage in chain for each in stage.instructions)
    return not starts and model.ships(leaf) and not model.descendants(leaf)


class _Chain:
    """A stage and those built on it, read from the first instruction to the last."""

    def __init__(
        self, model: Model, context: BuildContext | None, image: Official, minor: Minor, asked: frozenset[int]
    ) -> None:
        self.model = model
        self.asked = asked
        self.context = context
        self.image = image
        self.minor = minor
        self.installed = set(image.keeps)
        self.copies: list[Copied] = []
        self.depth = 0
        self.looked_at = 0

    def first(self, chain: Sequence[Stage]) -> Need | None:
        for stage in chain:
            own = list(copied(stage))
            for instruction in stage.instructions:
                self.copies += (each for each in own if each.instruction is instruction)
                for reason in self.instruction(stage, instruction):
                    return Need(instruction.line, reason)
        return None

    def instruction(self, stage: Stage, instruction: Instruction) -> Iterator[str]:
        keyword, workdir = instruction.keyword, stage.state(instruction).workdir
        if keyword == "RUN":
            run = next(run for run in stage.runs if run.instruction is instruction)
            if run.form == "exec":
                yield from self.words(_literals(instruction.exec_form or ()), workdir)
            else:
                assert run.script is not None
                yield from self.script(run.script, workdir)
        elif keyword in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
            exec_form, text = instruction.exec_form, instruction.args
            if keyword == "HEALTHCHECK":
                checked = health(instruction)
                exec_form, text = checked.exec_form, checked.command
            yield from (self.words(_literals(exec_form), workdir) if exec_form else self.script(parse(text), workdir))
        elif keyword in ("COPY", "ADD"):
            yield from self.files(stage, instruction)
        elif keyword == "ENV":
            yield from self.environment(instruction)
        elif keyword == "ONBUILD":
            yield "is a trigger for other builds, which may need more"

    def environment(self, instruction: Instruction) -> Iterator[str]:
        for setting in settings(instruction):
            value = (setting.value or "").strip("\"'")
            if setting.name == "TZ" and "tzdata" not in self.installed and self.image.name != "debian":
                yield "sets a time zone, and the slim image may lack tzdata"
            if setting.name in ("LANG", "LANGUAGE", "LC_ALL") and not value.startswith(("C", "en", "POSIX")):
                yield f"sets {setting.name}={value}, and slim images have no translations"

    def files(self, stage: Stage, instruction: Instruction) -> Iterator[str]:
        """What copied files need: those of another stage its libraries, sources the programs that they start."""
        if self.image.name == "debian":
            return
        for source in self.model.sources:
            if source.instruction is instruction and source.origin is not None:
                yield from self.taken(source.origin)
        for each in self.copies:
            if each.instruction is not instruction:
                continue
            if self.context is None or each.source is None:
                yield "copies files, and there is no build context to look into"
                return
            for path in self.sources(each.source, self.context):
                self.looked_at += 1
                if self.looked_at > MOST_SOURCES:
                    yield f"copies more than {MOST_SOURCES} source files, which are not all looked through"
                    return
                text = self.context.read(path) or ""
                yield from (f"copies {reason}" for reason in self.source(path, text))

    def sources(self, pattern: str, context: BuildContext) -> Iterator[str]:
        """The files that a source of COPY stands for, as far as they may start programs."""
        for match in context.glob(pattern):
            for path in leftovers.rest(context, match) if context.is_dir(match) else (match,):
                if path.rpartition(".")[2] in ENDINGS:
                    yield path

    def taken(self, origin: Stage) -> Iterator[str]:
        root = list(origin.lineage)[-1]
        base = root.base
        reference = parse_reference(base) if base else None
        name = reference.official if reference else None
        where = f"takes files from the stage of line {origin.origin.line}"
        if name in COMPILED_ELSEWHERE:
            yield f"{where}, where they may be linked with libraries that slim images lack"
        image = IMAGES.get(name or "")
        if image is None or reference is None or image.name == "debian" or slim_tag(image, reference.tag) is None:
            return
        if root.index in self.asked:
            return
        if need := first_need(self.model, root, self.context, image, self.minor, self.asked):
            yield f"{where}, which needs the full image (line {need.line} {need.reason})"

    def source(self, path: str, text: str) -> Iterator[str]:
        if any(marker in text for marker in SPAWNING):
            for name in _QUOTED.findall(text):
                if self.lacking(name):
                    yield f"{path} that starts {name}"

    def script(self, script: Script | Opaque, workdir: str | None) -> Iterator[str]:
        if isinstance(script, Opaque):
            yield f"cannot be read: {script.reason}"
            return
        for command, _ in walk(script):
            if command.name == "cd":
                target = command.words[1].literal if len(command.words) == 2 else None
                workdir = None if target is None or workdir is None else posixpath.join(workdir, target)
                continue
            yield from self.words(command.words, workdir)

    def words(self, words: Sequence[Word], workdir: str | None) -> Iterator[str]:
        """What one command needs."""
        words = words[unwrap(words) :]
        if not words:
            return
        name = program_name(words[0])
        yield from self.paths(words)
        if self.image.name == "debian":
            yield from self.install(words)
        elif name is None and words[0].text in ARGUMENTS:
            return  # what CMD says is judged there
        elif name is None:
            yield f"calls {words[0].text}, and which program that is cannot be known"
        else:
            yield from self.install(words)
            yield from self.program(name, words)
            yield from self.inner(unversioned(name) if name not in SHELLS else name, words, workdir)

    def paths(self, words: Sequence[Word]) -> Iterator[str]:
        if program_name(words[0]) in ("rm", "mkdir", "echo"):
            return
        wanted: tuple[str, ...] = NO_SLIM_PATHS
        if self.image.name != "debian":
            wanted += FULL_PATHS
        if "tzdata" not in self.installed and self.image.name != "debian":
            wanted += ("/usr/share/zoneinfo",)
        for word in words:
            if path := next((path for path in wanted if path in word.text), None):
                yield f"names {path}, which the slim image may lack"

    def install(self, words: Sequence[Word]) -> Iterator[str]:
        """Take note of what apt installs."""
        package = reading.read(Simple(0, 0, (), tuple(words), ()))
        if package is None or package.manager is not APT or package.action != "install":
            return
        names = [word.literal or "" for word in package.arguments if not word.text.startswith("-")]
        for name in names:
            if name.startswith(MANUALS):
                yield f"installs {name}, which links manual pages into folders that slim images may lack"
            self.installed |= brought_by(name) | {name}
        if NETWORK & set(names) and not package.has("--no-install-recommends"):
            self.installed |= brought_by("ca-certificates")

    def lacking(self, name: str) -> str | None:
        """The package that a command comes from, where neither the slim image nor an installed package has it."""
        package = package_of(name)
        return None if package is None or name in self.image.own or package in self.installed else package

    def program(self, name: str, words: Sequence[Word]) -> Iterator[str]:
        own = name in self.image.own and not words[0].text.startswith(("/usr/bin/", "/bin/"))
        package = None if own else package_of(name)
        kept = package in self.image.keeps
        if (package in BUILDING and not kept) or name in BUILDERS:
            yield f"calls {name}, and what it builds may need headers and libraries of the full image"
        elif package and package not in self.installed:
            yield f"calls {name}, which the slim image lacks (apt package {package})"
        elif name == "apt-key" and "gnupg" not in self.installed:
            yield "calls apt-key, which needs gnupg"
        elif name in NETWORK and "ca-certificates" not in self.installed:
            yield f"calls {name}, and the slim image lacks ca-certificates"

    def inner(self, name: str, words: Sequence[Word], workdir: str | None) -> Iterator[str]:
        """What the script, the command or the install needs that a command stands for."""
        if self.depth > DEEPEST:
            yield "calls scripts that call each other"
            return
        self.depth += 1
        yield from self._inner(name, words, workdir)
        self.depth -= 1

    def _inner(self, name: str, words: Sequence[Word], workdir: str | None) -> Iterator[str]:
        operand = next((word for word in words[1:] if not word.text.startswith("-")), None)
        if name == "eval":
            yield "calls eval"
        elif name in (".", "source"):
            if not is_known(words) and operand is not None:
                yield from self.file(operand, workdir)
        elif name in SHELLS or name == "su":
            flag = next(
                (at for at, word in enumerate(words) if word.text.startswith("-") and "c" in word.text.lstrip("-")), 0
            )
            if flag and words[flag + 1 :] and (text := words[flag + 1].literal) is not None:
                yield from self.script(parse(text), workdir)
            else:
                yield from self.file(operand, workdir)
        elif name == "find":
            for at, word in enumerate(words):
                if word.literal in ("-exec", "-execdir", "-ok"):
                    yield from self.words(words[at + 1 :], workdir)
        elif name in INTERPRETERS and words[1:2] and words[1].literal in INLINE:
            code = words[2].literal or words[2].text.strip("\"'") if len(words) > 2 else ""
            yield from (f"runs {reason}" for reason in self.source("code", code))
        elif name == "python" and words[1:2] and words[1].literal == "-m":
            yield from self.languages(words[2:], workdir)
        elif name not in INTERPRETERS:
            yield from self.languages(words, workdir)
            yield from self.own_program(name, words[0], workdir)

    def languages(self, words: Sequence[Word], workdir: str | None) -> Iterator[str]:
        """What a package manager of a language needs, and what it runs."""
        installs = Installs(self.place(workdir), self.minor, frozenset(self.installed))
        for found in installs.command(words):
            if isinstance(found, str):
                yield found
            elif found.text:
                yield from self.script(parse(found.text), workdir)
            else:
                yield from self.words(found.words, workdir)

    def place(self, workdir: str | None) -> Place:
        return Place(self.context, self.copies, workdir)

    def file(self, operand: Word | None, workdir: str | None) -> Iterator[str]:
        """What a script in a file needs."""
        path = operand.literal if operand is not None else "what it reads from its input"
        if path is None or (found := self.place(workdir).path(path)) is None:
            yield f"runs {path or (operand and operand.text)}, which is not in the build context"
        else:
            yield from self.text(found, workdir)

    def text(self, path: str, workdir: str | None) -> Iterator[str]:
        """What a shell script of the context needs; other sources are looked at when they are copied."""
        text = self.context.read(path) if self.context is not None else None
        if text is None:
            yield f"runs {path}, which is no text"
        elif path.rpartition(".")[2] not in ENDINGS and not _names_interpreter(text):
            yield from (f"runs {path}, which {reason}" for reason in self.script(parse(text), workdir))

    def own_program(self, name: str, word: Word, workdir: str | None) -> Iterator[str]:
        """What a program needs that is called by a path, or that was copied to where programs are looked for."""
        place = self.place(workdir)
        if "/" not in word.text:
            found = next((found for folder in PATH if (found := place.path(f"{folder}/{name}"))), None)
            if found is not None:
                yield from self.text(found, workdir)
        elif (found := place.path(word.literal or "")) is not None:
            yield from self.text(found, workdir)
        elif not (any(folder in word.text for folder in INSTALLED_IN) or self.from_elsewhere(word.literal, workdir)):
            yield f"runs {word.text}, which is not in the build context"

    def from_elsewhere(self, path: str | None, workdir: str | None) -> bool:
        """Whether a COPY --from of these stages may have brought the program."""
        whole = posixpath.normpath(posixpath.join(workdir or "/", path or ""))
        targets = (
            source.stage.state(source.instruction).resolve(source.instruction.words[-1])
            for source in self.model.sources
            if source.instruction.keyword == "COPY"
        )
        return any(target and (whole == target or whole.startswith(f"{target.rstrip('/')}/")) for target in targets)


def _literals(words: Sequence[str]) -> tuple[Word, ...]:
    """The words of an exec form, which no shell touches."""
    return tuple(Word(0, 0, word, word, (), False) for word in words)


def _names_interpreter(text: str) -> bool:
    """Whether the first line hands the file to something other than a shell."""
    line = text.partition("\n")[0]
    return line.startswith("#!") and not line.split("/")[-1].split(" ")[-1].strip().endswith("sh")
