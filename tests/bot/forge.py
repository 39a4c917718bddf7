"""A forge with a state, over real HTTP on 127.0.0.1: the API of GitLab or of GitHub, and git by git's own http-backend.

Every request is held against the forge's description of its API; what does not fit is refused and put down. Faults are
put in by tests: each is asked about every request before it is answered.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.bot.contract import Contract

TOKEN = "glpat-a-Secret.Token_0123456789"
ME = "dockopt-bot"
GIT = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"], "HOME": "/nonexistent",
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com",
}  # fmt: skip


def git(*arguments: str | Path, cwd: Path, data: bytes | None = None) -> str:
    run = subprocess.run(["git", *map(str, arguments)], cwd=cwd, env=GIT, input=data, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return os.fsdecode(run.stdout).strip()


@dataclass
class Request:
    number: int
    source: str
    target: str
    title: str
    text: str
    author: str = ME
    state: str = "open"
    draft: bool = False
    labels: list[str] = field(default_factory=list)
    assignees: list[Any] = field(default_factory=list)
    reviewers: list[Any] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    suggestions: list[Any] = field(default_factory=list)


@dataclass
class Project:
    id: int
    path: str
    repository: Path
    branch: str = "main"
    archived: bool = False
    empty: bool = False
    access: int = 40
    topics: tuple[str, ...] = ()
    requests: dict[int, Request] = field(default_factory=dict)

    def git(self, *arguments: str | Path, data: bytes | None = None) -> str:
        return git(*arguments, cwd=self.repository, data=data)

    def heads(self) -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads").splitlines()
        return dict(tuple(line.split(" ")) for line in lines)  # type: ignore[misc]

    def read(self, branch: str, path: str) -> str:
        return self.git("show", f"refs/heads/{branch}:{path}")

    def open(self) -> list[Request]:
        return [each for each in self.requests.values() if each.state == "open"]

    def commit(self, files: dict[str, bytes | str | None], branch: str = "main", message: str = "Change") -> str:
        """Put files on a branch as a person would; None takes one away."""
        parent = self.heads().get(branch)
        lines = []
        for path, content in files.items():
            if content is None:
                lines.append(f"0 {'0' * 40}\t{path}")
                continue
            data = content.encode() if isinstance(content, str) else content
            mode = "120000" if path.endswith("@") else "100644"
            lines.append(f"{mode} {self.git('hash-object', '-w', '--stdin', data=data)}\t{path.removesuffix('@')}")
        index = self.repository / "index"
        index.unlink(missing_ok=True)
        if parent:
            self.git("read-tree", parent)
        self.git("update-index", "--index-info", data=("\n".join(lines) + "\n").encode())
        return self.point(branch, self.git("write-tree"), message, parent)

    def point(self, branch: str, tree: str, message: str, parent: str | None) -> str:
        parents = ["-p", parent] if parent else []
        commit = self.git("commit-tree", tree, *parents, "-m", message)
        self.git("update-ref", f"refs/heads/{branch}", commit)
        self.empty = False
        return commit


@dataclass
class Seen:
    """A request as it came in."""

    method: str
    path: str
    query: str
    body: Any


Answer = tuple[int, Any, dict[str, str]]
Fault = Callable[[Seen], Answer | float | None]
"""An answer in place of the real one; seconds to wait before it; or None."""


class Forge:
    """The state, and how it answers."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.prefix = "/api/v4" if kind == "gitlab" else "/api/v3"
        self.contract = Contract.of(kind)
        self.projects: dict[str, Project] = {}
        self.users = {ME: 1, "ada": 2, "grace": 3}
        self.violations: list[str] = []
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.git_faults: list[Fault] = []
        self.authorizations: set[str] = set()
        self.lock = threading.RLock()
        self.url = ""
        self.template = folder / "template.git"
        git("init", "--quiet", "--bare", "--initial-branch=main", "--template=", self.template, cwd=folder)
        for key in ("http.receivepack", "uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
            git("config", key, "true", cwd=self.template)
        git("config", "gc.auto", "0", cwd=self.template)
        git("config", "receive.autogc", "false", cwd=self.template)

    def add(self, path: str, files: dict[str, bytes | str | None] | None = None, **more: Any) -> Project:
        import shutil

        repository = self.folder / f"{path}.git"
        repository.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.template, repository)
        project = Project(len(self.projects) + 1, path, repository, empty=True, **more)
        self.projects[path] = project
        if files:
            project.commit(files)
        return project

    def writes(self) -> list[Seen]:
        return [each for each in self.seen if each.method not in ("GET", "HEAD")]

    def answer(self, seen: Seen, raw_path: str, authorization: str, content_type: str, body: bytes) -> Answer:
        """The answer to a request of the API; raw_path is as it was sent, so that %2F in it is no slash."""
        with self.lock:
            self.seen.append(seen)
            for problem in self.contract.problems(seen.method, raw_path, seen.query, content_type, body):
                self.violations.append(problem)
                return 400, {"message": problem}, {}
            if authorization != TOKEN:
                return 401, {"message": "401 Unauthorized" if self.kind == "gitlab" else "Bad credentials"}, {}
            template, places = self.contract.match(seen.method, raw_path)
            from tests.bot import github_api, gitlab_api

            api = gitlab_api if self.kind == "gitlab" else github_api
            query = dict(parse_qsl(seen.query))
            found: Answer | Any = api.ROUTES[seen.method, template](self, places, query, seen.body)
            if isinstance(found, tuple):
                return found
            if isinstance(found, list):
                return self.page(found, query, raw_path)
            return (201 if seen.method == "POST" else 200), found, {}

    def page(self, found: list[Any], query: dict[str, str], path: str) -> Answer:
        size, number = int(query.get("per_page", 20)), int(query.get("page", 1))
        headers = {}
        if number * size < len(found):
            words = "&".join(f"{key}={value}" for key, value in {**query, "page": str(number + 1)}.items())
            headers["Link"] = f'<{self.url}{self.prefix}{path}?{words}>; rel="next"'
        return 200, found[(number - 1) * size : number * size], headers


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer in one packet: otherwise the second waits for the first one's acknowledgement
    disable_nagle_algorithm = True
    forge: Forge

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def do(self) -> None:
        address = urlsplit(self.path)
        body = self.body()
        if address.path.startswith(f"{self.forge.prefix}/"):
            self.api(address.path.removeprefix(self.forge.prefix), address.query, body)
        else:
            self.git(address.path, address.query, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def faulty(self, faults: list[Fault], seen: Seen) -> bool:
        """Whether a fault has answered."""
        import time

        for fault in faults:
            match fault(seen):
                case float(seconds):
                    time.sleep(seconds)
                case (int(status), content, headers):
                    self.send(status, content, headers)
                    return True
        return False

    def api(self, path: str, query: str, body: bytes) -> None:
        seen = Seen(self.command, path, query, json.loads(body) if body else None)
        if self.faulty(self.forge.faults, seen):
            return
        words = self.headers.get("PRIVATE-TOKEN") or (self.headers.get("Authorization") or " ").split(" ", 1)[-1]
        self.send(*self.forge.answer(seen, path, words, self.headers.get("Content-Type") or "", body))

    def send(self, status: int, content: Any, headers: dict[str, str]) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def git(self, path: str, query: str, body: bytes) -> None:
        if self.faulty(self.forge.git_faults, Seen(self.command, path, query, None)):
            return
        user = "oauth2" if self.forge.kind == "gitlab" else "x-access-token"
        wanted = "Basic " + base64.b64encode(f"{user}:{TOKEN}".encode()).decode()
        if (self.headers.get("Authorization") or "") != wanted:
            self.send(401, b"HTTP Basic: Access denied", {"WWW-Authenticate": 'Basic realm="forge"'})
            return
        writing = "service=git-receive-pack" in query or path.endswith("/git-receive-pack")
        project = self.forge.projects.get(path.partition(".git/")[0].lstrip("/"))
        if project is None or (writing and project.access < 30):
            self.send(404 if project is None else 403, b"You are not allowed to push code to this project.", {})
            return
        environment = {
            **GIT,
            "GIT_PROJECT_ROOT": str(self.forge.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": ME,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
        }
        run = subprocess.run(["git", "http-backend"], env=environment, input=body, capture_output=True, check=False)
        head, _, content = run.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        self.send(int(headers.pop("Status", "200").split(" ")[0]), content, headers)


@contextmanager
def serving(kind: str, folder: Path) -> Iterator[Forge]:
    """A forge that answers as long as it is wanted, and has had nothing to complain of."""
    forge = Forge(kind, folder)
    handler = type("Handler", (_Handler,), {"forge": forge})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    forge.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()
    assert not forge.violations, forge.violations
