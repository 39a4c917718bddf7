"""Git for repositories that are not trusted: of theirs nothing is run, and what is ours is not shown to anybody.

The environment is made anew for each call, so that no configuration counts but what stands here: without one there are
no filters (LFS is one), no aliases, no credential helpers, no file system monitor. Hooks are looked for where there is
nothing. The token is in the environment of those calls that speak with the forge, for its address only; a redirection
is not followed. All other calls may not speak with anybody, so that nothing is fetched behind our back.
"""

from __future__ import annotations

import os
import re
import subprocess
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from optimizer.bot.forge import certificates
from optimizer.bot.secret import Token, hidden

TIMEOUT = 900.0
"""Seconds that one call may take."""
STALLED = 60
"""Seconds without a byte from the forge."""
_NOWHERE = "/nonexistent"
"""The home: in the working copy a repository could bring a .netrc."""
_PASSED_ON = ("PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
              "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")  # fmt: skip
_SETTINGS = {
    "advice.detachedHead": "false",
    "core.attributesFile": "/dev/null",
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "fetch.writeCommitGraph": "false",
    "gc.auto": "0",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": str(STALLED),
    "http.sslVerify": "true",
    "maintenance.auto": "false",
    "push.recurseSubmodules": "no",
    "submodule.recurse": "false",
    "transfer.bundleURI": "false",
}


class GitError(Exception):
    """Git did not do it. ``again`` says whether it may at another time; the message is one line, without the token."""

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.again = again


class Identity(NamedTuple):
    """In whose name commits are made."""

    name: str = "dockopt"
    email: str = "dockopt@localhost"


class Access(NamedTuple):
    """How the forge lets git in; the user's name means little to it."""

    url: str
    """The repository's address, without any user."""
    user: str = ""
    token: Token | None = None

    def settings(self) -> Mapping[str, str]:
        """The header for this address alone."""
        if self.token is None:
            return {}
        basic = b64encode(f"{self.user}:{self.token.reveal()}".encode()).decode()
        return {f"http.{self.url}.extraHeader": f"Authorization: Basic {basic}"}


class Git:
    """Git in one folder.

    :param most: bytes of the largest file that a call may write, such as a pack.
    """

    def __init__(self, folder: str, access: Access, identity: Identity, most: int) -> None:
        self.folder = folder
        self.access = access
        self.identity = identity
        self.most = most

    def local(self, *arguments: str, data: bytes = b"", more: Mapping[str, str] | None = None) -> bytes:
        """What a call prints that speaks with nobody.

        :param more: environment variables besides.
        :raises GitError: when it fails.
        """
        return self._run(arguments, data, {**self._environment(_SETTINGS, "none"), **(more or {})})

    def remote(self, *arguments: str) -> bytes:
        """What a call prints that speaks with the forge, over the protocol of its address and no other.

        :raises GitError: when it fails.
        """
        settings = {**_SETTINGS, **self.access.settings()}
        return self._run(arguments, b"", self._environment(settings, urlsplit(self.access.url).scheme))

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A local call that goes on, with its three streams."""
        return subprocess.Popen(
            self._command(arguments), cwd=self.folder, env=self._environment(_SETTINGS, "none"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return ["git", "--no-pager", "--literal-pathspecs", *arguments]

    def _environment(self, settings: Mapping[str, str], protocol: str) -> dict[str, str]:
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        if isinstance(file := certificates(), str):
            passed["GIT_SSL_CAINFO"] = file
        pairs: dict[str, str] = {"GIT_CONFIG_COUNT": str(len(settings))}
        for number, (key, value) in enumerate(settings.items()):
            pairs |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return {
            **passed,
            **pairs,
            "GIT_ALLOW_PROTOCOL": protocol,
            "GIT_ASKPASS": "",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_AUTHOR_EMAIL": self.identity.email,
            "GIT_AUTHOR_NAME": self.identity.name,
            "GIT_CEILING_DIRECTORIES": os.path.dirname(self.folder),
            "GIT_COMMITTER_EMAIL": self.identity.email,
            "GIT_COMMITTER_NAME": self.identity.name,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "HOME": _NOWHERE,
            "LC_ALL": "C",
            "XDG_CONFIG_HOME": _NOWHERE,
        }

    def _run(self, arguments: Sequence[str], data: bytes, environment: Mapping[str, str]) -> bytes:
        process = subprocess.Popen(
            self._command(arguments), cwd=self.folder, env=dict(environment), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            self._limit(process.pid)
            output, errors = process.communicate(data, TIMEOUT)
        except subprocess.TimeoutExpired:
            raise GitError(f"git {arguments[0]} took longer than {TIMEOUT:.0f} seconds", again=True) from None
        finally:
            if process.poll() is None:  # whatever it has started goes with it
                os.killpg(process.pid, 9)
                process.communicate()
        if process.returncode:
            said = errors.decode("utf-8", "replace") + output.decode("utf-8", "replace") * (arguments[0] == "push")
            raise self._error(arguments[0], said)
        return output

    def _limit(self, pid: int) -> None:
        try:
            import resource

            resource.prlimit(pid, resource.RLIMIT_FSIZE, (self.most, self.most))
        except (ImportError, AttributeError, OSError):
            return  # not on this system, or it is over already

    def _error(self, what: str, said: str) -> GitError:
        message, again = meaning(what, said, self.most)
        return GitError(self.access.token.hide(message) if self.access.token else hidden(message), again=again)


NO_BRANCH = "it has no such branch"
_HTTP = re.compile(r"The requested URL returned error: (\d{3})|HTTP (\d{3})")
_MEANINGS = (
    (r"stale info|fetch first|cannot lock ref|reference already exists", "the branch was changed meanwhile", True),
    (r"protected branch|GH006|not allowed to (?:force )?push",
     "the branch is protected: let the bot push to it", False),
    (r"Authentication failed|could not read Username|terminal prompts disabled",
     "the token is not accepted (401): make a new one, or give it the right to this repository", False),
    (r"(?:repository|project) .*not (?:be )?found|not found: did you run",
     "no such repository, or the token does not see it (404)", False),
    (r"couldn't find remote ref|Remote branch .* not found", NO_BRANCH, False),
    (r"died of signal 25|File size limit exceeded|[Ff]ile too large", "it is larger than {} MiB: left alone", False),
    (r"Could not resolve host|Failed to connect|Connection (?:refused|reset|timed out)|Empty reply|early EOF|"
     r"unexpected disconnect|RPC failed|Operation (?:timed out|too slow)|hung up|transfer closed|GnuTLS recv|SSL_read",
     "the forge does not answer git: {said}", True),
)  # fmt: skip


def meaning(what: str, said: str, most: int) -> tuple[str, bool]:
    """Why a call failed, in one line, and whether it may go well at another time.

    :param what: the subcommand.
    :param said: everything it said.
    :param most: the bytes that it was allowed to write.
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    refused = [line for line in lines if line.startswith("!") or "[remote rejected]" in line]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    last = (refused or fatal or lines or ["nothing"])[0].replace("fatal: ", "").replace("error: ", "")
    if status := _HTTP.search(said):
        number = int(status[1] or status[2])
        if number == 429 or number >= 500:
            return f"the forge answers git with {number}", True
        if number in (403, 401):
            verb = "push to" if what == "push" else "read"
            return f"the forge refuses git ({number}): give the token the right to {verb} this repository", False
    for pattern, meant, again in _MEANINGS:
        if re.search(pattern, said):
            return meant.replace("{}", str(most >> 20)).replace("{said}", last), again
    if what == "push" and refused:
        told = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
        return f"the push is refused: {' '.join(told).strip() or last}", False
    return f"git {what} says: {last}", False
