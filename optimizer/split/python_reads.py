"""What a Python file starts, opens, loads and imports, as far as its text says it.

Source: the Python documentation of subprocess, os, shutil, asyncio, ctypes and importlib; of pexpect, sh and jinja2 for
their calls.
"""

from __future__ import annotations

import re
import shlex
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from optimizer.packages.commands import SHELLS, handed
from optimizer.python_tree import NotRead, dotted, literal, tree, visit
from optimizer.shell import Script, parse, walk

if TYPE_CHECKING:
    import libcst as cst

_STARTS = frozenset({
    "subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_call", "subprocess.check_output",
    "subprocess.getoutput", "subprocess.getstatusoutput", "os.system", "os.popen", "os.execl", "os.execle",
    "os.execlp", "os.execlpe", "os.execv", "os.execve", "os.execvp", "os.execvpe", "os.posix_spawn", "os.posix_spawnp",
    "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "asyncio.subprocess.create_subprocess_exec",
    "shutil.which", "pexpect.spawn", "pexpect.run", "sh.Command", "psutil.Popen", "anyio.run_process",
    "trio.run_process", "distutils.spawn.find_executable",
})  # fmt: skip
"""Calls whose first argument is a program, or a command with its words."""
_SPAWNS = frozenset({"os.spawnl", "os.spawnle", "os.spawnlp", "os.spawnlpe", "os.spawnv", "os.spawnve", "os.spawnvp"})
"""Those that have it second."""
_ALIKE = re.compile(r"spawn|exec|fork|run|call|popen|output|system|command|expect", re.IGNORECASE)
"""What a function of the project's own is called by that starts a program."""
_OPENS = frozenset({
    "open", "io.open", "codecs.open", "gzip.open", "pathlib.Path", "pathlib.PosixPath", "os.path.join", "os.listdir",
    "os.scandir", "glob.glob", "configparser.ConfigParser.read", "jinja2.FileSystemLoader", "logging.config.fileConfig",
    "sqlite3.connect", "ssl.create_default_context", "fastapi.templating.Jinja2Templates",
    "fastapi.staticfiles.StaticFiles", "starlette.staticfiles.StaticFiles", "flask.send_from_directory",
    "flask.send_file", "PIL.ImageFont.truetype", "dotenv.load_dotenv", "aiofiles.open",
})  # fmt: skip
_FOLDERS = ("file", "directory", "template_folder", "static_folder", "searchpath", "filename", "path", "cafile")
"""Keywords of such calls that name a file or a folder."""
_LOADS = frozenset({"ctypes.CDLL", "ctypes.cdll.LoadLibrary", "ctypes.util.find_library", "ctypes.PyDLL"})
_DYNAMIC = frozenset(
    {"importlib.import_module", "__import__", "runpy.run_module", "runpy.run_path", "pkgutil.iter_modules"}
)
_BY_NAME = frozenset({"importlib.import_module", "__import__"})
_DYNAMIC_PACKAGES = frozenset({"django", "stevedore", "pluggy", "celery", "scrapy", "airflow", "luigi"})
"""Frameworks that import modules by names that stand in settings."""
_OF_TEXTS = frozenset({"format", "split"})
_OWN = frozenset({"sys.executable"})
_GAP = "\0"
"""Stands for a part of a text that is computed."""
_PROGRAM = re.compile(r"[\w.+/-]*[A-Za-z][\w.+-]*")


class Seen(NamedTuple):
    """What a file shows."""

    starts: tuple[str, ...] = ()
    """Programs, as they are called."""
    opens: tuple[str, ...] = ()
    """Paths of files and folders."""
    loads: tuple[str, ...] = ()
    """Shared libraries, by their file's name or by what a linker calls them."""
    imports: tuple[str, ...] = ()
    """Modules; a relative one begins with a dot for each level."""
    computed: bool = False
    """Whether it starts a program whose name is computed."""
    dynamic: bool = False
    """Whether it imports modules by names that are computed, or that stand elsewhere."""
    problem: str = ""
    """Why nothing is known of it."""


@lru_cache(maxsize=1024)
def look(text: str) -> Seen:
    """Read one file; of what cannot be parsed it says why."""
    try:
        return _Reader(_names(text)).seen()
    except NotRead as error:
        return Seen(problem=str(error))


class _Names(NamedTuple):
    """What the expressions of a file are read with, and its calls."""

    aliases: dict[str, str]
    """What a name stands for that is imported."""
    constants: dict[str, list[cst.BaseExpression]]
    """What is assigned to a name, anywhere in the file."""
    calls: list[cst.Call]
    imports: dict[str, None]


def _names(text: str) -> _Names:
    """Collect them. A name can be imported behind its use, so nothing is resolved on the way.

    :raises NotRead: where there is no tree.
    """
    import libcst as cst

    found = _Names({}, {}, [], {})

    class Visitor(cst.CSTVisitor):
        def visit_Import(self, node: cst.Import) -> bool:
            for each in node.names:
                name = dotted(each.name)
                found.imports[name] = None
                short = name.partition(".")[0]
                found.aliases[dotted(each.asname.name) if each.asname else short] = name if each.asname else short
            return False

        def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
            module = "." * len(node.relative) + (dotted(node.module) if node.module else "")
            found.imports[module] = None
            for each in () if isinstance(node.names, cst.ImportStar) else node.names:
                name = dotted(each.name)
                whole = f"{module}{name}" if module.endswith(".") else f"{module}.{name}"
                found.imports[whole] = None
                found.aliases[dotted(each.asname.name) if each.asname else name] = whole
            return False

        def visit_Assign(self, node: cst.Assign) -> None:
            for each in node.targets:
                if isinstance(each.target, cst.Name):
                    found.constants.setdefault(each.target.value, []).append(node.value)

        def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
            if isinstance(node.target, cst.Name) and node.value is not None:
                found.constants.setdefault(node.target.value, []).append(node.value)

        def visit_Call(self, node: cst.Call) -> None:
            found.calls.append(node)

    visit(tree(text), Visitor())
    return found


class _Reader:
    """Puts together what a file shows."""

    def __init__(self, names: _Names) -> None:
        self.names = names
        self.starts: dict[str, None] = {}
        self.opens: dict[str, None] = {}
        self.loads: dict[str, None] = {}
        self.computed = False
        self.dynamic = any(name.partition(".")[0] in _DYNAMIC_PACKAGES for name in names.imports)

    def seen(self) -> Seen:
        for call in self.names.calls:
            self.call(call)
        for name in self.names.imports:
            if name.startswith("sh.") and name != "sh.Command":
                self.starts[name[3:].replace("_", "-")] = None  # from sh import git
        starts, opens, loads, imports = map(tuple, (self.starts, self.opens, self.loads, self.names.imports))
        return Seen(starts, opens, loads, imports, self.computed, self.dynamic)

    def call(self, call: cst.Call) -> None:
        written = dotted(call.func)
        first, _, rest = written.partition(".")
        name = f"{self.names.aliases[first]}{'.' if rest else ''}{rest}" if first in self.names.aliases else written
        arguments = [each.value for each in call.args if each.keyword is None and not each.star]
        if not arguments:
            arguments = [each.value for each in call.args if each.keyword and each.keyword.value in ("args", "cmd")]
        if name in _STARTS:
            self.start(arguments[:1], certain=True)
        elif name in _SPAWNS:
            self.start(arguments[1:2], certain=True)
        elif name in _DYNAMIC:
            self.imported(arguments[:1], whole=name in _BY_NAME)
        elif name in _LOADS:
            self.loads |= dict.fromkeys(text for each in arguments[:1] for text in self.texts(each) if _GAP not in text)
        elif name in _OPENS:
            self.opened(call, joins=name == "os.path.join")
        elif first in self.names.aliases and self.names.aliases[first] == "sh" and rest and "." not in rest:
            self.starts[rest.replace("_", "-")] = None
        elif _ALIKE.search(_last(call.func)) and name.partition(".")[0] not in ("re", "click", "pytest", "mock"):
            self.start(arguments[:1], certain=False)
        elif any(each.keyword and each.keyword.value in _FOLDERS for each in call.args):
            self.opened(call, joins=False)

    def start(self, arguments: list[cst.BaseExpression], *, certain: bool) -> None:
        """A program, or the programs of a command."""
        texts = [text for each in arguments for text in self.texts(each)]
        programs = [program for text in texts for program in _programs(text)]
        own = any(_name(each, self.names.aliases) in _OWN for argument in arguments for each in _firsts(argument))
        if certain and not own and (not texts or any(_GAP in program for program in programs)):
            self.computed = True
        self.starts |= dict.fromkeys(program for program in programs if _PROGRAM.fullmatch(program))

    def imported(self, arguments: list[cst.BaseExpression], *, whole: bool) -> None:
        """A module that is imported by a call.

        :param whole: whether its name is all that the call needs.
        """
        found = [text for each in arguments if (text := literal(each)) is not None and not text.startswith(".")]
        if found and whole:
            self.names.imports.update(dict.fromkeys(found))
        else:
            self.dynamic = True

    def opened(self, call: cst.Call, *, joins: bool) -> None:
        """The files and folders that a call names."""
        named = [each.value for each in call.args if each.keyword and each.keyword.value in _FOLDERS]
        plain = [each.value for each in call.args if each.keyword is None]
        parts = [text for each in plain if (text := literal(each)) is not None]
        if joins:
            found = ["/".join(parts)] if parts else []
        else:
            found = [text for each in (*plain[:1], *named) for text in self.texts(each)]
        self.opens |= dict.fromkeys(text for text in found if text and _GAP not in text)

    def texts(self, node: cst.BaseExpression, depth: int = 0) -> list[str]:
        """What an expression may be as a text; the first element of a list; _GAP for what is computed."""
        import libcst as cst

        if depth > 4:
            return []
        if (text := literal(node)) is not None:
            return [text]
        if isinstance(node, cst.FormattedString):
            return ["".join(each.value if isinstance(each, cst.FormattedStringText) else _GAP for each in node.parts)]
        if isinstance(node, cst.ConcatenatedString):
            left, right = self.texts(node.left, depth + 1), self.texts(node.right, depth + 1)
            return [f"{left[0]}{right[0]}"] if left and right else []
        if isinstance(node, cst.List | cst.Tuple):
            words = [(*self.texts(each.value, depth + 1), _GAP)[0] for each in node.elements]
            return [" ".join(word if _GAP in word else shlex.quote(word) for word in words)] if words else []
        if isinstance(node, cst.BinaryOperation):
            return [f"{text}{_GAP}" if isinstance(node.operator, cst.Modulo) else text
                    for text in self.texts(node.left, depth + 1)]  # fmt: skip
        if isinstance(node, cst.Name):
            return [text for each in self.names.constants.get(node.value, ()) for text in self.texts(each, depth + 1)]
        if isinstance(node, cst.Call) and dotted(node.func) == "shlex.split" and node.args:
            return self.texts(node.args[0].value, depth + 1)
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _OF_TEXTS:
            return self.texts(node.func.value, depth + 1)
        return []


def _last(node: cst.BaseExpression) -> str:
    """The last name of what is called."""
    import libcst as cst

    return node.attr.value if isinstance(node, cst.Attribute) else node.value if isinstance(node, cst.Name) else ""


def _name(node: cst.BaseExpression, aliases: dict[str, str]) -> str:
    first, dot, rest = dotted(node).partition(".")
    return f"{aliases.get(first, first)}{dot}{rest}"


def _firsts(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    """An expression, or the first element of a list."""
    import libcst as cst

    if isinstance(node, cst.BinaryOperation):
        return _firsts(node.left)
    return [each.value for each in node.elements[:1]] if isinstance(node, cst.List | cst.Tuple) else [node]


def _programs(text: str) -> list[str]:
    """The programs of a command; a word alone is one."""
    words = text.split()
    script = parse(text.replace(_GAP, "0")) if len(words) > 1 and _GAP not in words[0] else None
    if not isinstance(script, Script):
        return words[:1]
    found: list[str] = []
    for command, _ in walk(script):
        found.append(command.name or "")
        kind, inner = handed(command) if command.name in SHELLS else ("", "")
        found += _programs(inner) if kind == "text" else ()
    return found
