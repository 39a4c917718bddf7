"""Rewrites that are wrong on purpose: every one has to fail, and what is reported has to name what is wrong.

The first ones are images made up as a builder would leave them; the last ones are built.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from optimizer.verify.behaviour import Behaviour
from optimizer.verify.builder import Builder, BuildFailed, Built, Limits, Source
from optimizer.verify.compare import compare
from optimizer.verify.design import Bases
from optimizer.verify.entry import Config, Image
from optimizer.verify.judge import Judge
from optimizer.verify.noise import Noise, measure
from optimizer.verify.runtime import check
from tests.verify.images import Files, Item, file, folder, hard_link, program, symlink
from tests.verify.systems import alpine, debian, library, looked, on_glibc, python, site, without

CAPABILITY = b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
LIBRARY = "/usr/lib/x86_64-linux-gnu/libpq.so.5"
SITE = "/usr/local/lib/python3.11/site-packages"

FILES: Files = {
    **debian(), **python(), **site("flask"), **site("psycopg2"),
    LIBRARY: library("libpq.so.5", "libssl.so.3"), "/usr/lib/x86_64-linux-gnu/libssl.so.3": library("libssl.so.3"),
    f"{SITE}/psycopg2/_psycopg.cpython-311-x86_64-linux-gnu.so": library("", "libpq.so.5"), CERTIFICATES: file("PEM"),
    "/app": folder(uid=1000, gid=1000),
    "/app/app.py": file("import flask, psycopg2\nfrom helpers import x\n", uid=1000, gid=1000),
    "/app/helpers.py": file("x = 1\n"), "/app/run.sh": program("#!/bin/bash\nexec python app.py\n"),
    "/usr/bin/bash": on_glibc(), "/app/static": folder(), "/app/static/logo.svg": file("<svg/>"),
    "/app/current": symlink("static"), "/app/tool": on_glibc(), "/app/tool-2": hard_link("/app/tool"),
    "/data": folder(0o1777), "/usr/bin/ping": program("ping", xattrs={"security.capability": CAPABILITY}),
    "/usr/bin/sudo": file("sudo", 0o4755), "/gcc/cc1": on_glibc(),
}  # fmt: skip
CONFIG: Mapping[str, Any] = {
    "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "APP_ENV=production"], "Entrypoint": ["/app/run.sh"],
    "Cmd": ["--port", "80"],
    "User": "app", "WorkingDir": "/app", "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}},
    "Labels": {"org.opencontainers.image.source": "https://example.com"}, "StopSignal": "SIGINT",
    "Healthcheck": {"Test": ["CMD-SHELL", "python -c 'import flask'"], "Interval": 30_000_000_000},
    "OnBuild": ["RUN echo"], "Shell": ["/bin/bash", "-o", "pipefail", "-c"],
}  # fmt: skip


class Wrong(NamedTuple):
    """What a wrong rewrite does to the image, and what has to be said of it."""

    files: Mapping[str, Item | None] = {}
    """Paths that are other than before; None where one, with all below it, is gone."""
    config: Mapping[str, Any] = {}
    says: str = ""


WRONG: dict[str, Wrong] = {
    "a file is lost": Wrong({"/app/static/logo.svg": None}, says="lost: /app/static/logo.svg: file, 6 bytes"),
    "a directory is lost": Wrong({"/app/static": None}, says="lost: /app/static: directory with 1 path in it"),
    "a file is added": Wrong({"/app/.env": file("KEY=x")}, says="added: /app/.env: file, 5 bytes"),
    "a cache is left": Wrong({"/root/.cache/pip/x": file()}, says="added: /root: directory with 3 paths in it"),
    "a content is another": Wrong(
        {"/app/app.py": file("pass", uid=1000, gid=1000)}, says="changed: /app/app.py: content "
    ),
    "a mode is another": Wrong(
        {"/app/run.sh": file("#!/bin/bash\nexec python app.py\n")}, says="/app/run.sh: mode 0755, now 0644"
    ),
    "set-user-ID is lost": Wrong({"/usr/bin/sudo": program("sudo")}, says="/usr/bin/sudo: mode 4755, now 0755"),
    "the sticky bit is lost": Wrong({"/data": folder(0o777)}, says="/data: mode 1777, now 0777"),
    "an owner is another": Wrong({"/app": folder()}, says="changed: /app: owner 1000:1000, now 0:0"),
    "a link leads elsewhere": Wrong(
        {"/app/current": symlink("/srv")}, says="/app/current: link target static, now /srv"
    ),
    "a link is a copy": Wrong({"/app/current": folder()}, says="/app/current: type symbolic link, now directory"),
    "a hard link is broken": Wrong(
        {"/app/tool-2": on_glibc()}, says="changed: /app/tool: hard links /app/tool-2, now none"
    ),
    "a capability is lost": Wrong(
        {"/usr/bin/ping": program("ping")}, says="/usr/bin/ping: extended attributes security.capability="
    ),
    "ENV is lost": Wrong(config={"Env": CONFIG["Env"][:1]}, says="lost: ENV APP_ENV: production"),
    "PATH is another": Wrong(config={"Env": ["PATH=/bin", *CONFIG["Env"][1:]]}, says="changed: ENV PATH: "),
    "CMD is lost": Wrong(config={"Cmd": None}, says="lost: CMD: ['--port', '80']"),
    "ENTRYPOINT goes through a shell": Wrong(
        config={"Entrypoint": ["/bin/sh", "-c", "/app/run.sh"]},
        says="changed: ENTRYPOINT: ['/app/run.sh'], now ['/bin/sh', '-c', '/app/run.sh']",
    ),
    "USER is lost": Wrong(config={"User": ""}, says="lost: USER: app"),
    "WORKDIR is another": Wrong(config={"WorkingDir": "/"}, says="changed: WORKDIR: /app, now /"),
    "a label is lost": Wrong(
        config={"Labels": {}}, says="lost: LABEL org.opencontainers.image.source: https://example.com"
    ),
    "a port is lost": Wrong(config={"ExposedPorts": {}}, says="lost: EXPOSE 80/tcp"),
    "a port is udp": Wrong(config={"ExposedPorts": {"80/udp": {}}}, says="added: EXPOSE 80/udp"),
    "a volume is lost": Wrong(config={"Volumes": {}}, says="lost: VOLUME /data"),
    "the health check is lost": Wrong(config={"Healthcheck": None}, says="lost: HEALTHCHECK Test: "),
    "the health check is rarer": Wrong(
        config={"Healthcheck": {**CONFIG["Healthcheck"], "Interval": 60_000_000_000}},
        says="changed: HEALTHCHECK Interval: 30000000000, now 60000000000",
    ),
    "the stop signal is lost": Wrong(config={"StopSignal": ""}, says="lost: STOPSIGNAL: SIGINT"),
    "the shell is lost": Wrong(config={"Shell": None}, says="lost: SHELL: "),
    "a trigger is lost": Wrong(config={"OnBuild": None}, says="lost: ONBUILD: ['RUN echo']"),
}


def rewritten(files: Files, wrong: Wrong) -> Files:
    kept = without(files, *(path for path, item in wrong.files.items() if item is None))
    return {**kept, **{path: item for path, item in wrong.files.items() if item is not None}}


NOTHING = Image(Config(), {})
BASES = Bases(NOTHING, NOTHING)


def said(
    before: Image, after: Image, noise: Noise, allowed: tuple[str, ...] = (), bases: Bases | None = None
) -> list[str]:
    """All that is held against a rewrite."""
    return [
        *compare(before, after, noise=noise, allowed=allowed, bases=bases).lines(),
        *map(str, check(before, after, allowed)),
    ]


def test_the_original_itself_is_right() -> None:
    first, second = looked(FILES, CONFIG), looked(FILES, CONFIG)
    assert said(first, looked(FILES, CONFIG), measure(first, second)) == []


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rewrite_fails(name: str) -> None:
    wrong = WRONG[name]
    before, after = looked(FILES, CONFIG), looked(rewritten(FILES, wrong), {**CONFIG, **wrong.config})
    found = said(before, after, Noise())
    assert any(wrong.says in line for line in found), found


SPLIT_LOSES = ("/gcc/**", "/usr/**", "/etc/**", "/lib*/**", "/app/helpers.py")
"""What the stages of the wrong splits below say that they leave behind: too much."""
WRONG_SPLITS: dict[str, Wrong] = {
    "a shared library is left behind": Wrong(
        {LIBRARY: None}, says="needs the shared library libpq.so.5, which is not found"
    ),
    "a shared library of a shared library is left behind": Wrong(
        {"/usr/lib/x86_64-linux-gnu/libssl.so.3": None}, says="libpq.so.5 needs the shared library libssl.so.3, which"
    ),
    "the base is Alpine": Wrong(
        {"/usr": None, "/lib": None, "/lib64": None, "/bin": None, **alpine()},
        says="/app/tool needs glibc's loader /lib64/ld-linux-x86-64.so.2, which is not in the image, where",
    ),
    "the base is an older Debian": Wrong(
        {**debian(versions=["GLIBC_2.2.5"]), "/app/tool": on_glibc(requires=[("libc.so.6", "GLIBC_2.34")])},
        says="/app/tool needs GLIBC_2.34 of libc.so.6",
    ),
    "the base has another Python": Wrong(
        {"/usr/local/bin": None, **python(version="3.12")}, says="/app/app.py imports flask, which"
    ),
    "a package is left behind": Wrong({f"{SITE}/flask": None}, says="/app/app.py imports flask, which"),
    "a module is left behind": Wrong({"/app/helpers.py": None}, says="/app/app.py imports helpers, which"),
    "the interpreter of the entry point is left behind": Wrong(
        {"/usr/bin/bash": None}, says="ENTRYPOINT: /app/run.sh is run by /bin/bash, which is not in the image"
    ),
    "what the health check starts is left behind": Wrong(
        {"/usr/local/bin/python": None}, says="HEALTHCHECK: python is not in the image"
    ),
    "the user is left behind": Wrong(
        {"/etc/passwd": file("root:x:0:0::/root:/bin/sh\n")},
        says="USER: the user app had the number 1000:1000, and is gone",
    ),
    "CA certificates are left behind": Wrong({CERTIFICATES: None}, says=f"{CERTIFICATES} is gone, and "),
    "ldconfig was not run": Wrong(
        {LIBRARY: None, "/usr/local/lib/libpq.so.5": FILES[LIBRARY]},
        says="needs the shared library libpq.so.5, which is not found",
    ),
    "the application is another": Wrong(
        {"/app/app.py": file("pass")}, says="changed: /app/app.py: owner 1000:1000, now 0:0; content "
    ),
    "the application has another owner": Wrong(
        {"/app/app.py": FILES["/app/app.py"]._replace(uid=0, gid=0)}, says="/app/app.py: owner 1000:1000, now 0:0"
    ),
    "a template is left behind": Wrong({"/app/static/logo.svg": None}, says="lost: /app/static/logo.svg"),
}


def test_a_right_split_passes() -> None:
    before, after = looked(FILES, CONFIG), looked(without(FILES, "/gcc"), CONFIG)
    assert said(before, after, Noise(), SPLIT_LOSES, BASES) == []


@pytest.mark.parametrize("name", WRONG_SPLITS)
def test_a_wrong_split_fails(name: str) -> None:
    wrong = WRONG_SPLITS[name]
    files = FILES
    if "/app/tool" in wrong.files:
        files = {**FILES, "/app/tool": wrong.files["/app/tool"] or file()}
    before, after = looked(files, CONFIG), looked(without(rewritten(files, wrong), "/gcc"), CONFIG)
    compared = compare(before, after, allowed=SPLIT_LOSES, bases=BASES).lines()
    found = [*compared, *map(str, check(before, after))]
    assert any(wrong.says in line for line in found), found


DEBIAN, PYTHON = "FROM debian:bookworm-slim\n", "FROM python:3.11-slim\n"
XATTR = f"python -c \"import os; os.setxattr('/tool', 'security.capability', bytes.fromhex('{CAPABILITY.hex()}'))\""

BUILDS: dict[str, tuple[str, str, str]] = {
    "cd moves what comes behind it": (
        f"{DEBIAN}WORKDIR /app\nRUN cd /tmp && touch here\nRUN touch there\n",
        f"{DEBIAN}WORKDIR /app\nRUN cd /tmp && touch here && touch there\n",
        "lost: /app/there",
    ),
    "WORKDIR is left out": (
        f"{DEBIAN}WORKDIR /app\nCOPY requirements.txt ./\n",
        f"{DEBIAN}COPY requirements.txt ./\n",
        "lost: /app: directory with 1 path in it",
    ),
    "set -e is lost": (
        f"{DEBIAN}RUN (set -e; cp /nothing /x; touch /half); test -e /half || touch /whole\n",
        f"{DEBIAN}RUN (cp /nothing /x; touch /half); test -e /half || touch /whole\n",
        "lost: /whole",
    ),
    "umask is kept": (
        f"{DEBIAN}RUN umask 077 && touch /a\nRUN touch /b\n",
        f"{DEBIAN}RUN umask 077 && touch /a && touch /b\n",
        "changed: /b: mode 0644, now 0600",
    ),
    "export is kept": (
        f"{DEBIAN}RUN export HOME=/a && echo $HOME > /a\nRUN echo $HOME > /b\n",
        f"{DEBIAN}RUN export HOME=/a && echo $HOME > /a && echo $HOME > /b\n",
        "changed: /b: content 6 bytes",
    ),
    "exit ends all": (
        f"{DEBIAN}RUN touch /a; exit 0\nRUN touch /b\n",
        f"{DEBIAN}RUN touch /a; exit 0 && touch /b\n",
        "lost: /b",
    ),
    "a comment swallows the rest": (
        f"{DEBIAN}RUN touch /a # why\nRUN touch /b\n",
        f"{DEBIAN}RUN touch /a # why && touch /b\n",
        "lost: /b",
    ),
    "USER comes too early": (
        f"{DEBIAN}RUN touch /tmp/a\nUSER nobody\n",
        f"{DEBIAN}USER nobody\nRUN touch /tmp/a\n",
        "changed: /tmp/a: owner 0:0, now 65534:65534",
    ),
    "COPY comes too early": (
        f"{DEBIAN}RUN echo old > /requirements.txt\nCOPY requirements.txt /\n",
        f"{DEBIAN}COPY requirements.txt /\nRUN echo old > /requirements.txt\n",
        "changed: /requirements.txt: content",
    ),
    "ENTRYPOINT has lost its shell": (
        f"{DEBIAN}ENTRYPOINT echo $HOME\n",
        f'{DEBIAN}ENTRYPOINT ["echo", "$HOME"]\n',
        "changed: ENTRYPOINT: ['/bin/sh', '-c', 'echo $HOME'], now ['echo', '$HOME']",
    ),
    "a hard link is two files": (
        f"{DEBIAN}RUN echo x > /a && ln /a /b\n",
        f"{DEBIAN}RUN echo x > /a && cp -p /a /b\n",
        "changed: /a: hard links /b, now none",
    ),
    "a capability is lost by a copy": (
        f"{PYTHON}RUN cp /bin/ls /tool && {XATTR}\n",
        f"{PYTHON}RUN cp /bin/ls /copy && cp /copy /tool && rm /copy\n",
        "changed: /tool: extended attributes security.capability=",
    ),
    "a manifest is copied without what it includes": (
        f"{PYTHON}WORKDIR /app\nCOPY . .\nRUN pip install --no-index -r requirements.txt\n",
        f"{PYTHON}WORKDIR /app\nCOPY requirements.txt ./\nRUN pip install --no-index -r requirements.txt\nCOPY . .\n",
        "base.txt",
    ),
    "a program is copied without its libraries": (
        f'{DEBIAN}RUN cp /bin/ls /app\nCMD ["/app"]\n',
        f'{DEBIAN.strip()} AS build\nRUN cp /bin/ls /app\nFROM scratch\nCOPY --from=build /app /app\nCMD ["/app"]\n',
        "/app needs glibc's loader",
    ),
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("context")
    (folder / "requirements.txt").write_text("-r base.txt\n")
    (folder / "base.txt").write_text("")
    return str(folder)


class Bench:
    """Builds and reads images."""

    def __init__(self, builder: Builder, context: str) -> None:
        self.builder = builder
        self.context = context
        self.judge = Judge()

    def build(self, text: str) -> tuple[Built, Image]:
        built = self.builder.build(Source(text, self.context), no_cache=True)
        with self.builder.export(built) as stream:
            return built, self.judge.read(stream)


@pytest.mark.builds
@pytest.mark.parametrize("name", BUILDS)
def test_a_wrong_rewrite_fails_when_it_is_built(name: str, builder: Builder, context: str) -> None:
    original, rewrite, says = BUILDS[name]
    bench = Bench(builder, context)
    (_, first), (_, second) = bench.build(original), bench.build(original)
    noise = measure(first, second)
    split = "FROM scratch" in rewrite
    allowed = ("/**",) if split else ()
    assert said(first, second, noise) == []
    try:
        _, after = bench.build(rewrite)
    except BuildFailed as error:
        found = list(error.lines)
    else:
        compared = compare(first, after, noise=noise, allowed=allowed, bases=BASES if split else None).lines()
        found = [*compared, *map(str, check(first, after))]
    assert any(says in line for line in found), found


@pytest.mark.builds
def test_missing_certificates_are_noticed_by_the_smoke_command(builder: Builder, context: str) -> None:
    """Even where a fix claims that nobody needs them."""
    if reason := builder.can_run():
        pytest.skip(reason)
    bench = Bench(builder, context)
    text = f"{PYTHON}RUN test -s {CERTIFICATES}\n"
    (one, first), (two, _) = bench.build(text), bench.build(text)
    built, after = bench.build(f"{PYTHON}RUN rm -rf {CERTIFICATES}\n")
    smoke = f"python -c \"import ssl; print(bool(ssl.create_default_context(cafile='{CERTIFICATES}').get_ca_certs()))\""
    behaviour = Behaviour(builder, [smoke], Limits())
    behaviour.learn(one, two, first.config)
    assert not behaviour.problems(two)
    found = behaviour.problems(built)
    assert "status 1 instead of 0" in found.lines[0]
    assert "No such file" in found.lines[0]
    assert [str(each) for each in check(first, after) if each.subject == CERTIFICATES]


def test_there_are_many(tmp_path: Path) -> None:
    assert len(WRONG) + len(WRONG_SPLITS) + len(BUILDS) >= 50
