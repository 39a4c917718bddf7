"""What may differ where an image is put together anew, rule by rule: each with what it allows, and what it does not."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from optimizer.verify.compare import compare
from optimizer.verify.design import Bases
from tests.verify.designs import Case, failing
from tests.verify.images import Item, file, folder, program, symlink
from tests.verify.systems import looked, without


def dpkg(name: str, *paths: str, arch: str = "") -> dict[str, Item]:
    """A package of Debian's with its files; /usr is merged, and the list does not know it."""
    return {
        f"/var/lib/dpkg/info/{name}{arch}.list": file("\n".join(["/.", *paths, ""])),
        **{path.replace("/lib/", "/usr/lib/", 1) if path.startswith("/lib/") else path: file(name) for path in paths},
    }


def auto(*names: str) -> dict[str, Item]:
    text = "".join(f"Package: {name}\nArchitecture: amd64\nAuto-Installed: 1\n\n" for name in names)
    return {"/var/lib/apt/extended_states": file(text)}


MERGED = {"/usr/lib": folder(), "/lib": symlink("usr/lib")}
GCC = {**MERGED, **dpkg("gcc", "/usr/bin/gcc"), **dpkg("libz-dev", "/lib/libz.a", arch=":amd64"), **auto("libz-dev")}
NGINX = {**dpkg("nginx", "/usr/share/index.html"), "/var/lib/dpkg/info/nginx.md5sums": file("1")}
GONE = "/var/lib/dpkg/info/gcc.list"
APP = {"/app/main": program("1")}

SYSTEM: dict[str, Case] = {
    "a package that is declared": Case(GCC, MERGED, [GONE]),
    "a package that is not": Case(GCC, {**MERGED, **auto("libz-dev")}, [], ["/usr/bin", "/usr/bin/gcc"]),
    "a package of the old base": Case(GCC, MERGED, [], old=dpkg("gcc", "/usr/bin/gcc")),
    "a file of a package that the old base had, and that is installed again": Case(
        GCC, {**GCC, "/usr/bin/gcc": None}, [], ["/usr/bin/gcc"], old=GCC
    ),
    "a file that the new base lacks of a package that it has": Case(
        GCC, {**GCC, "/usr/bin/gcc": None}, [], [], old=GCC, new={**MERGED, GONE: file()}
    ),
    "a file of a package that stays": Case(GCC, {**GCC, "/usr/bin/gcc": None}, [GONE], ["/usr/bin", "/usr/bin/gcc"]),
    "a declared file of a package that stays": Case(
        dpkg("x", "/usr/share/doc/x"), without(dpkg("x", "/usr/share/doc/x"), "/usr/share"), ["/usr/share/doc/**"]
    ),
    "a file beside those of a package": Case(
        {**GCC, "/usr/bin/own": program()}, MERGED, [GONE], ["/usr/bin", "/usr/bin/own"]
    ),
    "a folder that packages alone had": Case({**GCC, "/usr/bin": folder()}, MERGED, [GONE]),
    "an empty folder of nobody": Case(
        {**GCC, "/usr/share/own": folder()}, MERGED, [GONE], ["/usr/share", "/usr/share/own"]
    ),
    "a package of Alpine's": Case(
        {
            "/lib/apk/db/installed": file("P:gcc\nF:usr/bin\nR:gcc\n\nP:dep\nF:usr/lib\nR:dep\n"),
            "/etc/apk/world": file("gcc>1\n"),
            "/usr/bin/gcc": program(),
            "/usr/lib/dep": file(),
        },
        {},
        ["/lib/apk/db/installed/gcc"],
    ),
    "a package of Alpine's that is not declared": Case(
        {
            "/lib/apk/db/installed": file("P:gcc\nF:usr/bin\nR:gcc\n"),
            "/etc/apk/world": file("gcc\n"),
            "/usr/bin/gcc": program(),
        },
        {},
        [],
        ["/usr", "/usr/bin", "/usr/bin/gcc"],
    ),
    "a new package": Case({}, dpkg("libz", "/usr/lib/libz.so")),
    "a new file of nobody": Case({}, {"/usr/lib/libz.so": file()}, [], ["/usr", "/usr/lib", "/usr/lib/libz.so"]),
    "what an update brought, and the base image has older": Case(
        {**MERGED, **dpkg("libc", "/lib/libc.so"), "/var/lib/dpkg/info/libc.md5sums": file("2")},
        {**MERGED, "/usr/lib/libc.so": file("old"), "/var/lib/dpkg/info/libc.md5sums": file("1")},
        old={"/usr/lib/libc.so": file("old"), "/var/lib/dpkg/info/libc.md5sums": file("1")},
        new={"/usr/lib/libc.so": file("old"), "/var/lib/dpkg/info/libc.md5sums": file("1")},
    ),
    "what the author changed of a package": Case(
        {**NGINX, "/usr/share/index.html": file("own")},
        {**NGINX, "/usr/share/index.html": file("hello")},
        [],
        ["/usr/share/index.html"],
        old={**NGINX, "/usr/share/index.html": file("hello")},
        new={**NGINX, "/usr/share/index.html": file("hello")},
    ),
    "a setting of a package that the author changed": Case(
        dpkg("ssh", "/etc/ssh.conf"),
        {**dpkg("ssh", "/etc/ssh.conf"), "/etc/ssh.conf": file("as it comes")},
        [],
        ["/etc/ssh.conf"],
        new={"/etc/ssh.conf": file("as it comes")},
        old={"/etc/ssh.conf": file("as it comes")},
    ),
}
BASE: dict[str, Case] = {
    "a file of the old base": Case({"/usr/x": file(), **APP}, APP, old={"/usr/x": file()}),
    "a file of the old base that the author changed": Case(
        {"/usr/x": file("own"), **APP}, APP, [], ["/usr/x"], old={"/usr/x": file()}
    ),
    "a file that both bases have, each its own": Case(
        {"/usr/x": file("1")}, {"/usr/x": file("2")}, old={"/usr/x": file("1")}, new={"/usr/x": file("2")}
    ),
    "a file that the author changed, and that is the new base's": Case(
        {"/etc/x": file("own")},
        {"/etc/x": file("1")},
        [],
        ["/etc/x"],
        old={"/etc/x": file("1")},
        new={"/etc/x": file("1")},
    ),
    "a mode that the author changed": Case(
        {"/usr/x": file(mode=0o755)}, {"/usr/x": file()}, [], ["/usr/x"], old={"/usr/x": file()}, new={"/usr/x": file()}
    ),
    "a file of the new base": Case({}, {"/usr/x": file()}, new={"/usr/x": file()}),
    "a file of the new base that is another": Case(
        {}, {"/usr/x": file("2")}, [], ["/usr/x"], new={"/usr/x": file("1")}
    ),
    "what lists the packages": Case({"/var/lib/dpkg/status": file("1")}, {"/var/lib/dpkg/status": file("2")}),
    "the mode of what lists the users": Case(
        {"/etc/passwd": file("1")}, {"/etc/passwd": file("2", mode=0o600)}, [], ["/etc/passwd"]
    ),
}
OWN: dict[str, Case] = {
    "sources that are declared": Case({"/src/a.c": file(), **APP}, APP, ["/src"]),
    "an artifact among declared sources": Case(
        {"/src/a.c": file(), "/src/main": program()}, {}, ["/src", "!/src/main"], ["/src/main"]
    ),
    "a file of the application": Case(APP, {}, ["/src"], ["/app", "/app/main"]),
    "its content, declared or not": Case(APP, {"/app/main": program("2")}, ["/app"], ["/app/main"]),
    "its mode": Case(APP, {"/app/main": file("1")}, ["/app"], ["/app/main"]),
    "its owner": Case(APP, {"/app/main": program("1", uid=5)}, ["/app"], ["/app/main"]),
    "a setting that the author wrote": Case({"/etc/app.conf": file()}, {}, [], ["/etc", "/etc/app.conf"]),
    "a certificate of the author's": Case(
        {"/etc/ssl/certs/corp.pem": file()}, {}, [], ["/etc", "/etc/ssl", "/etc/ssl/certs", "/etc/ssl/certs/corp.pem"]
    ),
    "a folder that a package's script made": Case({"/usr/local/share/fonts": folder()}, {}),
    "a font in it": Case(
        {"/usr/local/share/fonts/own.ttf": file()},
        {"/usr/local/share": folder()},
        [],
        ["/usr/local/share/fonts/own.ttf"],
    ),
    "the folder of Debian's Python": Case(
        {"/usr/local/x": file(), "/usr/local/lib/python3.11/dist-packages": folder()}, {"/usr/local/x": file()}
    ),
    "the links to a certificate": Case(
        {
            "/usr/local/share/ca-certificates/own.crt": file(),
            "/etc/ssl/certs/own.pem": symlink("/usr/local/share/ca-certificates/own.crt"),
            "/etc/ssl/certs/1.0": symlink("own.pem"),
        },
        {"/usr/local/share/ca-certificates/own.crt": file()},
    ),
    "a folder for logs": Case({"/var/log/app": folder()}, {}, [], ["/var", "/var/log", "/var/log/app"]),
    "an alternative": Case(
        {"/usr/bin/cc": symlink("/etc/alternatives/cc"), "/etc/alternatives/cc": symlink("/usr/bin/gcc"), **GCC},
        MERGED,
        [GONE],
    ),
    "a link to what is left behind": Case(
        {"/opt/tool": file(), "/usr/local/bin/tool": symlink("../../../opt/tool")}, {}, ["/opt/tool"]
    ),
    "a link to what is lost": Case(
        {"/opt/tool": file(), "/bin/tool": symlink("/opt/tool")}, {}, [], ["/bin", "/bin/tool", "/opt", "/opt/tool"]
    ),
    "a link to what is there": Case({**APP, "/run": symlink("/app/main")}, APP, [], ["/run"]),
}


def choice(name: str, target: str, *slaves: str, how: str = "auto") -> dict[str, Item]:
    """A link of update-alternatives(1), as dpkg's own program keeps it."""
    lines = [how, f"/usr/bin/{name}", *(line for each in slaves for line in (each, f"/usr/share/{each}")), ""]
    return {
        f"/var/lib/dpkg/alternatives/{name}": file("\n".join([*lines, target, "20", ""])),
        f"/etc/alternatives/{name}": symlink(target),
        f"/usr/bin/{name}": symlink(f"/etc/alternatives/{name}"),
    }


CLANG = {**dpkg("clang", "/usr/bin/clang", "/usr/share/clang.1"), **MERGED}
BOTH = {**CLANG, **GCC}
CHANGED = ["/etc/alternatives/cc"]
ALTERNATIVES: dict[str, Case] = {
    "the next one, where the package of the first is left behind": Case(
        {**BOTH, **choice("cc", "/usr/bin/gcc")}, {**CLANG, **choice("cc", "/usr/bin/clang")}, [GONE]
    ),
    "the next one, where the first was the old base's": Case(
        {**BOTH, **choice("cc", "/usr/bin/gcc")}, {**CLANG, **choice("cc", "/usr/bin/clang")}, old=GCC
    ),
    "what goes with it": Case(
        {
            **BOTH,
            **choice("cc", "/usr/bin/gcc", "cc.1"),
            **dpkg("gcc", "/usr/bin/gcc", "/usr/share/gcc.1"),
            "/etc/alternatives/cc.1": symlink("/usr/share/gcc.1"),
        },
        {
            **CLANG,
            **choice("cc", "/usr/bin/clang", "cc.1"),
            "/etc/alternatives/cc.1": symlink("/usr/share/clang.1"),
        },
        [GONE],
    ),
    "one that was chosen by hand": Case(
        {**BOTH, **choice("cc", "/usr/bin/gcc", how="manual")},
        {**CLANG, **choice("cc", "/usr/bin/clang")},
        [GONE],
        CHANGED,
    ),
    "another one, where the first is still there": Case(
        {**BOTH, **choice("cc", "/usr/bin/gcc")}, {**BOTH, **choice("cc", "/usr/bin/clang")}, [GONE], CHANGED
    ),
    "another one, where the first is lost": Case(
        {**BOTH, **choice("cc", "/usr/bin/gcc")},
        {**CLANG, **choice("cc", "/usr/bin/clang")},
        [],
        [*CHANGED, "/usr/bin/gcc"],
    ),
    "one that was not there": Case(
        {**GCC, **choice("cc", "/usr/bin/gcc")}, {**CLANG, **choice("cc", "/usr/bin/clang")}, [GONE], CHANGED
    ),
    "one of nobody": Case(
        {**GCC, "/usr/bin/own": program(), **choice("cc", "/usr/bin/gcc")},
        {**MERGED, "/usr/bin/own": program(), **choice("cc", "/usr/bin/own")},
        [GONE],
        CHANGED,
    ),
    "one that leads nowhere": Case(
        {**BOTH, **choice("cc", "/usr/bin/gcc")},
        {**without(CLANG, "/usr/bin/clang"), **choice("cc", "/usr/bin/clang")},
        [GONE],
        [*CHANGED, "/usr/bin/clang"],
    ),
    "a link that the author made": Case(
        {**BOTH, "/etc/alternatives/cc": symlink("/usr/bin/gcc")},
        {**CLANG, "/etc/alternatives/cc": symlink("/usr/bin/clang")},
        [GONE],
        CHANGED,
    ),
    "its mode": Case(
        {**BOTH, **choice("cc", "/usr/bin/gcc")},
        {**CLANG, **choice("cc", "/usr/bin/clang"), "/etc/alternatives/cc": symlink("/usr/bin/clang")._replace(uid=5)},
        [GONE],
        CHANGED,
    ),
}

CASES = {
    f"{kind}: {name}": case
    for kind, cases in {"system": SYSTEM, "base": BASE, "own": OWN, "alternatives": ALTERNATIVES}.items()
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", CASES)
def test_whose_it_was_says_whether_it_may_be_gone(name: str) -> None:
    assert failing(CASES[name]) == sorted(CASES[name].fails)


class Fields(NamedTuple):
    """The variables of the four images: before and after, the old base and the new one."""

    before: str
    after: str
    old: str = ""
    new: str = ""
    fails: str = ""


OLD_PATH = "PATH=/usr/local/bin:/usr/bin"
FIELDS: dict[str, Fields] = {
    "the same": Fields("A=1", "A=1"),
    "the old base's": Fields("GPG_KEY=1 A=1", "A=1", "GPG_KEY=1"),
    "the author's": Fields("A=1", "", fails="ENV A"),
    "the author's in place of the old base's": Fields("A=2", "", "A=1", fails="ENV A"),
    "the author's in place of both": Fields("A=2", "A=1", "A=1", "A=1", fails="ENV A"),
    "the new base's": Fields("", "A=1", "", "A=1"),
    "a new one": Fields("", "A=1", fails="ENV A"),
    "each base's own": Fields("A=1", "A=2", "A=1", "A=2", fails="ENV A"),
    "the language, lost": Fields("LANG=C.UTF-8", "", "LANG=C.UTF-8", fails="ENV LANG"),
    "the language, new": Fields("", "LC_ALL=C", "", "LC_ALL=C", fails="ENV LC_ALL"),
    "where Debian has its certificates": Fields(
        "", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"
    ),
    "certificates from elsewhere": Fields(
        "", "SSL_CERT_FILE=/own.crt", "", "SSL_CERT_FILE=/own.crt", fails="ENV SSL_CERT_FILE"
    ),
    "the version of Python": Fields(
        "PYTHON_VERSION=1", "PYTHON_VERSION=2", "PYTHON_VERSION=1", "PYTHON_VERSION=2", fails="ENV PYTHON_VERSION"
    ),
    "PATH with a folder in front": Fields(OLD_PATH, "PATH=/opt/venv/bin:/usr/local/bin:/usr/bin", OLD_PATH, OLD_PATH),
    "PATH with a folder that nobody declares": Fields(
        OLD_PATH, "PATH=/opt/x:/usr/local/bin:/usr/bin", OLD_PATH, OLD_PATH, fails="ENV PATH"
    ),
    "PATH with a folder behind": Fields(OLD_PATH, f"{OLD_PATH}:/opt/venv/bin", OLD_PATH, OLD_PATH, fails="ENV PATH"),
    "PATH in another order": Fields(OLD_PATH, "PATH=/usr/bin:/usr/local/bin", OLD_PATH, OLD_PATH, fails="ENV PATH"),
    "PATH without a folder": Fields(OLD_PATH, "PATH=/usr/bin", OLD_PATH, OLD_PATH, fails="ENV PATH"),
    "PATH without a folder of the base that is not there": Fields(
        "PATH=/go/bin:/usr/bin", "PATH=/usr/bin", "PATH=/go/bin:/usr/bin"
    ),
    "PATH without a folder of the author": Fields(
        "PATH=/own:/usr/bin", "PATH=/usr/bin", "PATH=/usr/bin", fails="ENV PATH"
    ),
    "no PATH, which is Docker's own": Fields(
        "PATH=/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "",
        "PATH=/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
}


@pytest.mark.parametrize("name", FIELDS)
def test_variables_may_come_and_go_with_the_base_images(name: str) -> None:
    case = FIELDS[name]
    files = {"/usr/bin/x": program(), "/usr/local/bin/x": program()}
    before, after, old, new = (looked(files, {"Env": text.split()}) for text in case[:4])
    found = compare(before, after, allowed=["/opt/venv/**"], bases=Bases(old, new)).failures
    assert [each.name for each in found] == case.fails.split("\n") if case.fails else not found


@pytest.mark.parametrize(
    ("before", "after", "old", "new", "fails"),
    [
        ({"Labels": {"a": "1"}}, {"Labels": {"a": "2"}}, {"Labels": {"a": "1"}}, {"Labels": {"a": "2"}}, []),
        ({"Labels": {"a": "1"}}, {}, {"Labels": {"a": "1"}}, {}, []),
        ({"Labels": {"a": "1"}}, {}, {}, {}, ["LABEL a"]),
        ({"Cmd": ["bash"]}, {}, {"Cmd": ["bash"]}, {}, ["CMD"]),
        ({"Cmd": ["a"]}, {"Cmd": ["b"]}, {"Cmd": ["a"]}, {"Cmd": ["b"]}, ["CMD"]),
        ({"Entrypoint": ["a"]}, {}, {"Entrypoint": ["a"]}, {}, ["ENTRYPOINT"]),
        ({"WorkingDir": "/go"}, {}, {"WorkingDir": "/go"}, {}, ["WORKDIR"]),
        ({"StopSignal": "SIGINT"}, {}, {"StopSignal": "SIGINT"}, {}, ["STOPSIGNAL"]),
    ],
)  # fmt: skip
def test_what_the_image_does_stays_whoever_said_it(
    before: Any, after: Any, old: Any, new: Any, fails: list[str]
) -> None:
    found = compare(looked({}, before), looked({}, after), bases=Bases(looked({}, old), looked({}, new))).failures
    assert [each.name for each in found] == fails


def test_without_other_bases_nothing_of_this_holds() -> None:
    found = compare(looked(GCC), looked(MERGED), allowed=[GONE]).failures
    assert "/usr/bin/gcc" in [each.name for each in found]
