"""What a script leaves running: a service or daemon that ends with its RUN, and would go on in a longer one.

Source: BuildKit ends every process of a RUN when the shell ends. The programs: their own manuals.
"""

from __future__ import annotations

from optimizer.packages.commands import SHELLS, handed
from optimizer.packages.reading import program_name, unwrap
from optimizer.runs import Run
from optimizer.shell import Script, Simple, parse, walk

_STARTS = frozenset({"start", "restart", "force-restart", "reload-or-restart"})
_STOPS = frozenset({"stop", "shutdown", "--shutdown", "--stop", "killall", "pkill", "kill", "quit"})
_MANAGERS = frozenset({"service", "invoke-rc.d", "initctl", "start-stop-daemon", "postfix", "pebble", "iris", "vzctl"})
"""Programs that start a service where a word says so, besides those that end in ``ctl``."""
_DAEMONS = frozenset({
    "apache2", "cron", "crond", "dnsmasq", "httpd", "nginx", "ntpd", "rsyslogd", "sshd", "supervisord", "syslogd",
})  # fmt: skip
"""Programs that go into the background by themselves."""
_ONLY_ASKING = frozenset({"-h", "-M", "-S", "-t", "-T", "-v", "-V", "--check", "--help", "--test", "--version"})
_IN_BACKGROUND = frozenset({"--background", "--daemon", "--daemonize", "--daemonized", "--fork", "-daemon"})


def left_running(run: Run) -> str | None:
    """The last command of a RUN that may leave a program running, as a reason shows it; None where none does."""
    return _of(run.parsed) if run.parsed is not None else None


def _of(script: Script) -> str | None:
    for command in reversed([command for command, _ in walk(script) if command.words]):
        if _STOPS & {word.literal for word in command.words}:
            return None
        if _leaves(command):
            text = " ".join(script.text[command.words[0].start : command.words[-1].end].split())
            return text if len(text) <= 50 else f"{text[:49]}…"
    return None


def _leaves(command: Simple) -> bool:
    words = command.words[unwrap(command.words) :]
    name = program_name(words[0]) if words else None
    if name is None:
        return False
    options = {word.literal for word in words[1:]}
    if name in SHELLS:
        kind, text = handed(command)
        script = parse(text) if kind == "text" else None
        files = [word for word in words[1:] if not word.text.startswith("-")]
        return any(_starts(program_name(file) or "") for file in files[:1]) or (
            isinstance(script, Script) and _of(script) is not None
        )
    if name in _MANAGERS or name.endswith("ctl") or "/init.d/" in words[0].text:
        return bool(options & (_STARTS | {"--start", "-S"}))
    if options & _IN_BACKGROUND:
        return True
    return (name in _DAEMONS and not options & _ONLY_ASKING) or ("/" in words[0].text and _starts(name))


def _starts(script: str) -> bool:
    """Whether a script starts something, by its name: ``start.sh``, ``start_mysql.sh``, ``restart-all``."""
    parts = script.partition(".")[0].lower().replace("_", "-").split("-")
    return any(part in _STARTS or part == "startup" for part in parts)
