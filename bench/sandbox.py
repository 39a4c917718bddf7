"""A build of a trap, for real, in a scratch folder: each RUN in its shell, in order, until one fails.

No container: the root of the image is a temporary folder, absolute paths in the text are moved below it,
package managers are stand-ins (stubs/), and nothing runs that allowed.py does not know. Only files of
bench/traps/, and what a fixer made of them, may ever come here.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from bench import allowed, buildkit
from bench.buildkit import Instruction
from bench.outcome import Outcome, files

CONTEXT = Path(__file__).parent / "context"
"""The build context of every trap; files.tar.gz is added to it by `context`."""

_NOBODY = 65534  # the user that runs everything if we are root
SECONDS = 10
"""The most that one RUN may take."""

_BASE = (
    "etc/apt/apt.conf.d",
    "root",
    "tmp",
    "srv",
    "var/lib/apt/lists",
    "var/cache/apt",
    "usr/share/packages",
)
_USERS = ("root", "nobody", "daemon", "www-data")  # of a Debian image
# a slash that begins an absolute path, but of the few files that are the machine's own
_ABSOLUTE = re.compile(
    r"(?<![\w.)}\]*?/$~\\-])/(?!/|dev/(?:null|stdin|stdout|stderr)\b|bin/(?:sh|bash)\b|usr/bin/env\b)"
)
_VARIABLE = re.compile(r"\$(?:(?P<plain>\w+)|\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\})")


class _NotExecutedError(Exception):
    """Something here is outside what the sandbox models or allows."""


class _FailedError(Exception):
    """The build would end here."""


@dataclass(slots=True)
class _Stage:
    """The state of one stage while it is built."""

    root: Path
    home: Path  # the folder of the whole build: the programs, the caches, other stages
    env: dict[str, str] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    folder: str = "/"
    user: str = "root"
    entrypoint: Instruction | None = None
    cmd: Instruction | None = None
    triggers: list[Instruction] = field(default_factory=list)
    caches: dict[str, tuple[str, ...]] = field(default_factory=dict)
    output: str = ""

    def expand(self, text: str) -> str:
        values = self.args | self.env

        def value(found: re.Match[str]) -> str:
            name = found["plain"] or found["name"]
            return values.get(name) or found["default"] or ""

        return _VARIABLE.sub(value, text)

    def at(self, path: str) -> Path:
        """Where a path of the image lies."""
        place = Path(os.path.normpath(self.root / os.path.join(self.folder, self.expand(path)).lstrip("/")))
        if not place.is_relative_to(self.root):
            raise _NotExecutedError(f"{path} is outside the root")
        return place


def build(data: bytes) -> Outcome:
    """Builds the last stage of a trap, its ONBUILD triggers as a child would run them, and starts it once."""
    instructions = buildkit.read(data).instructions
    home = Path(tempfile.mkdtemp(prefix="dockopt-trap-"))
    home.chmod(0o755)
    try:
        _programs(home / "bin")
        stage = _build(instructions, home)
        stage.output += _run_all(stage.triggers, stage)
        seen = files(stage.root)
        return Outcome("built", "", seen, stage.caches, stage.output, _start(stage))
    except _NotExecutedError as error:
        return Outcome("not executed", str(error))
    except _FailedError as error:
        return Outcome("failed", str(error))
    finally:
        for folder, names, _ in os.walk(home):  # a trap may have closed one to us
            for name in names:
                (Path(folder) / name).chmod(0o755)
        shutil.rmtree(home)


def _build(instructions: tuple[Instruction, ...], home: Path) -> _Stage:
    first = next((i for i, each in enumerate(instructions) if each.keyword == "FROM"), len(instructions))
    outer: dict[str, str] = {}
    for each in instructions[:first]:
        outer |= _arguments(each)
    done: dict[str, _Stage] = {}
    stage = None
    for number, lines in enumerate(buildkit.stages(instructions)):
        words = lines[0].value
        parent = done.get(words[0].lower())
        root = home / f"stage{number}"
        if parent:
            shutil.copytree(parent.root, root, symlinks=True)
            stage = _Stage(root, home, dict(parent.env), {}, parent.shell, parent.folder, parent.user)
            stage.entrypoint, stage.cmd = parent.entrypoint, parent.cmd
        else:
            stage = _Stage(root, home)
            for folder in _BASE:
                (root / folder).mkdir(parents=True, exist_ok=True)
            (root / "etc/passwd").write_text("".join(f"{user}\n" for user in _USERS))
        done |= {str(number): stage} | ({words[2].lower(): stage} if len(words) > 2 else {})
        _give(root)
        stage.output = _run_all(lines[1:], stage, outer, done)
    if stage is None:
        raise _FailedError("no stage")
    return stage


def _run_all(
    lines: list[Instruction],
    stage: _Stage,
    outer: dict[str, str] | None = None,
    done: dict[str, _Stage] | None = None,
) -> str:
    output = ""
    for each in lines:
        words = [stage.expand(_unquoted(word)) for word in each.value]
        if each.keyword == "RUN":
            output += _run(each, stage)
        elif each.keyword == "ENV":
            stage.env |= dict(zip(words[::2], words[1::2], strict=False))
        elif each.keyword == "ARG":
            stage.args |= {k: v or (outer or {}).get(k, "") for k, v in _arguments(each).items()}
        elif each.keyword == "WORKDIR":
            stage.folder = os.path.normpath(os.path.join(stage.folder, words[0]))
            stage.at(".").mkdir(parents=True, exist_ok=True)
            _give(stage.root)
        elif each.keyword == "USER":
            stage.user = words[0].split(":")[0]
        elif each.keyword == "SHELL":
            stage.shell = each.value
        elif each.keyword == "ENTRYPOINT":
            stage.entrypoint, stage.cmd = each, None
        elif each.keyword == "CMD":
            stage.cmd = each
        elif each.keyword in ("COPY", "ADD"):
            _copy(each, words, stage, done or {})
        elif each.keyword == "ONBUILD":
            stage.triggers.append(Instruction(each.trigger, each.value, each.flags, each.exec_form))
    return output


def _run(each: Instruction, stage: _Stage) -> str:
    caches: dict[Path, Path] = {}
    for flag in each.flags:
        if not flag.startswith("--mount="):
            continue
        options = dict(part.partition("=")[::2] for part in flag.removeprefix("--mount=").split(","))
        target = options.get("target") or options.get("dst") or options.get("destination")
        if options.get("type") not in ("cache", "tmpfs") or not target:
            raise _NotExecutedError(flag)
        place = stage.at(target)
        kept = stage.home / "caches" / (options.get("id") or target).replace("/", "+")
        caches[place] = kept if options["type"] == "cache" else stage.home / "nothing"
        if place.exists():
            place.rename(stage.home / f"below{len(caches)}")
        if caches[place].exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            caches[place].rename(place)
        place.mkdir(parents=True, exist_ok=True)
        _give(stage.root)
    try:
        return _command(each, stage)
    finally:
        for number, (place, kept) in reversed(list(enumerate(caches.items(), 1))):
            kept.parent.mkdir(exist_ok=True)
            target = "/" + str(place.relative_to(stage.root))
            stage.caches[target] = tuple(sorted(path.name for path in place.rglob("*") if path.is_file()))
            shutil.rmtree(kept, ignore_errors=True)
            place.rename(kept)
            below = stage.home / f"below{number}"
            if below.exists():
                below.rename(place)
            else:
                place.mkdir()  # BuildKit leaves the mount point
            _give(stage.root)


def _command(each: Instruction, stage: _Stage, extra: tuple[str, ...] = ()) -> str:
    users = (stage.root / "etc/passwd").read_text().split()
    if stage.user not in users and not stage.user.isdecimal():
        raise _FailedError(f"unable to find user {stage.user}")
    root = stage.root
    env = {name: _local(value, root) for name, value in (stage.args | stage.env).items()}
    if each.exec_form:
        words = [_local(word, root) for word in (*each.value, *extra)]
        script, shell = shlex.join(words), "sh"
        name = words[0].rsplit("/", 1)[-1]
        if name in ("sh", "bash") and len(words) > 2:  # written out, it is the shell form
            script, shell, name = words[-1], name, ""
            words[0] = _shell(words[0])
    else:
        script, shell, name = _local(each.script, root), stage.shell[0].rsplit("/", 1)[-1], ""
        words = [_shell(stage.shell[0]), *stage.shell[1:], script]
    given = frozenset(env) | {"HOME", "PWD", "PATH"}
    if problem := allowed.unsafe(script, "bash" if shell == "bash" else "sh", root, given):
        if not each.exec_form and _syntax_error(words[0], script):
            raise _FailedError("the shell reports a syntax error")
        raise _NotExecutedError(problem.replace(str(root), ""))
    if name and not words[0].startswith((str(root), "./")):
        words[0] = str(stage.home / "bin" / name)
    if not stage.at(".").is_dir():
        raise _FailedError(f"no folder {stage.folder}")
    status, output = _execute(words, stage, env)
    if status:
        raise _FailedError(f"exit status {status}")
    return output.replace(str(root), "")


def _execute(words: list[str], stage: _Stage, env: dict[str, str]) -> tuple[int, str]:
    path = f"{env.get('PATH', '')}:{stage.home / 'bin'}".lstrip(":")
    env = {"HOME": str(stage.root / "root"), **env, "PATH": path, "TRAP_ROOT": str(stage.root)}
    env["TRAP_RM"] = shutil.which("rm") or "/bin/rm"
    with tempfile.TemporaryFile() as output:
        try:
            child = subprocess.Popen(
                words,
                cwd=stage.at("."),
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                umask=0o022,
                preexec_fn=_limits,
                user=_NOBODY if _is_root() else None,
                group=_NOBODY if _is_root() else None,
                extra_groups=[] if _is_root() else None,
            )
        except OSError as error:
            return 127, str(error.strerror)
        try:
            status = child.wait(SECONDS)
        except subprocess.TimeoutExpired:
            raise _NotExecutedError(f"still running after {SECONDS} s") from None
        finally:
            _end_group(child.pid)
        output.seek(0)
        return status, output.read().decode("utf-8", "replace")


def _end_group(pid: int) -> None:
    """Ends what a RUN left running, as the end of its container does."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _start(stage: _Stage) -> str:
    """Starts the container once: ENTRYPOINT and CMD put together by Docker's rule."""
    first = stage.entrypoint or stage.cmd
    if first is None or not first.value:
        return ""
    extra: tuple[str, ...] = ()
    if stage.entrypoint and stage.entrypoint.exec_form and stage.cmd:
        extra = stage.cmd.value if stage.cmd.exec_form else ("/bin/sh", "-c", *stage.cmd.value)
    try:
        return "said " + _command(first, stage, extra)
    except _FailedError as error:
        return f"failed: {error}"
    except _NotExecutedError:  # the build itself still counts
        return ""


def _copy(each: Instruction, words: list[str], stage: _Stage, done: dict[str, _Stage]) -> None:
    origin = next((flag.split("=", 1)[1] for flag in each.flags if flag.startswith("--from=")), "")
    if origin and origin.lower() not in done:
        raise _NotExecutedError(f"COPY --from={origin}")
    target = stage.at(words[-1])
    into = words[-1].endswith("/") or words[-1] in (".", "") or target.is_dir() or len(words) > 2
    texts = {heredoc.name: heredoc.content for heredoc in each.heredocs}
    (target if into else target.parent).mkdir(parents=True, exist_ok=True)
    for word in words[:-1]:
        name = word.removeprefix("<<").strip("-'\"")
        if word.startswith("<<"):
            (target / name if into else target).write_text(texts[name])
            continue
        source = done[origin.lower()].at(word) if origin else context(stage.home) / word
        if not source.exists():
            raise _FailedError(f"{each.keyword} {word}: not found")
        if each.keyword == "ADD" and source.name.endswith(".tar.gz"):
            with tarfile.open(source) as archive:
                archive.extractall(target, filter="data")
        elif source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy(source, target / source.name if into else target)
    _give(stage.root)


def context(home: Path) -> Path:
    """The build context, copied once per build, with an archive in it."""
    folder = home / "context"
    if not folder.exists():
        shutil.copytree(CONTEXT, folder)
        entry = tarfile.TarInfo("files/hello")
        entry.size = 6
        with (
            gzip.GzipFile(folder / "files.tar.gz", "wb", mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w") as archive,
        ):
            archive.addfile(entry, io.BytesIO(b"hello\n"))
    return folder


def _programs(folder: Path) -> None:
    folder.mkdir()
    for name in (*allowed.TOOLS, "sh", "bash"):
        if found := shutil.which("dash" if name == "sh" else name):
            (folder / name).symlink_to(found)
    for name, stub in allowed.STUBS.items():
        shutil.copy(stub, folder / name)
        (folder / name).chmod(0o755)


def _shell(name: str) -> str:
    """The shell of the machine that stands for the image's: dash is Debian's sh."""
    wanted = {"sh": "dash", "dash": "dash", "bash": "bash"}.get(name.rsplit("/", 1)[-1])
    found = wanted and shutil.which(wanted)
    if not found:
        raise _NotExecutedError(f"shell {name}")
    return found


def _syntax_error(shell: str, script: str) -> bool:
    return subprocess.run([shell, "-n", "-c", script], capture_output=True, check=False).returncode != 0


def _local(text: str, root: Path) -> str:
    """Absolute paths in a text, moved below the root (once: what is there already stays)."""
    return _ABSOLUTE.sub(f"{root}/", text.replace(f"{root}/", "/"))


def _arguments(each: Instruction) -> dict[str, str]:
    if each.keyword != "ARG":
        return {}
    pairs = (_unquoted(word).partition("=") for word in each.value)
    return {name: value for name, _, value in pairs}


def _unquoted(word: str) -> str:
    try:
        return "".join(shlex.split(word)) if word[:1] in "'\"" or "=" in word else word
    except ValueError:
        return word


def _give(root: Path) -> None:
    """Hands the tree to the user that runs the commands."""
    if _is_root():
        for folder, _, names in os.walk(root):
            os.chown(folder, _NOBODY, _NOBODY)
            for name in names:
                os.chown(Path(folder) / name, _NOBODY, _NOBODY, follow_symlinks=False)


def _is_root() -> bool:
    return os.geteuid() == 0


def _limits() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
