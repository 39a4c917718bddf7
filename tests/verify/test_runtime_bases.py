"""What has to be there in an image that begins with another base image: whose certificates, and whose users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from optimizer.verify.design import Bases
from optimizer.verify.runtime import check
from tests.verify.images import Files, Item, file, folder
from tests.verify.systems import PASSWD, debian, library, looked, on_glibc, python, site

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CERTIFICATES = {BUNDLE: file("all of them")}
TLS = {
    "/usr/lib/libssl.so.3": library("libssl.so.3"), "/usr/lib/libcurl.so.4": library("libcurl.so.4", "libssl.so.3"),
    "/usr/bin/curl": on_glibc("libcurl.so.4"),
}  # fmt: skip
BASE = {**debian(), **TLS}
DYNAMIC = "/usr/local/lib/python3.11/lib-dynload"
PYTHON = {**python(), f"{DYNAMIC}/_ssl.cpython-311-x86_64-linux-gnu.so": library("", "libssl.so.3")}
CERTIFI = {**site("certifi"), "/usr/local/lib/python3.11/site-packages/certifi/cacert.pem": file()}
VENDORED = {"/usr/local/lib/python3.11/site-packages/pip/_vendor/certifi/cacert.pem": file()}
APP = {"/app/app.py": file("import json\n")}
STARTS = {"Cmd": ["python", "/app/app.py"]}


def found(before: Files, after: Files, base: Files, config: Mapping[str, Any] | None = None) -> list[str]:
    bases = Bases(looked({**base, **CERTIFICATES}), looked(base))
    return list(map(str, check(looked(before, config), looked(after, config), (), bases)))


SPEAKERS: dict[str, tuple[Files, Files, Mapping[str, Any], str]] = {
    # the new base, what the application brings, what is started, and who speaks TLS
    "the base image's own programs": (BASE, {"/app/main": on_glibc()}, {"Cmd": ["/app/main"]}, ""),
    "a program of the application": (BASE, {"/app/main": on_glibc("libssl.so.3")}, {"Cmd": ["/app/main"]}, "/app/main"),
    "a program by a library of the base image": (BASE, {"/app/main": on_glibc("libcurl.so.4")}, {}, "/app/main"),
    "an extension module": (BASE, {"/app/x.node": library("", "libcurl.so.4")}, {}, "/app/x.node"),
    "another version of a program": (BASE, {"/usr/bin/curl": on_glibc("libcurl.so.4", "z")}, {}, "/usr/bin/curl"),
    "Python, by its ssl": ({**BASE, **PYTHON}, APP, STARTS, f"{DYNAMIC}/_ssl."),
    "Python with certifi": ({**BASE, **PYTHON}, {**APP, **CERTIFI}, STARTS, ""),
    "Python with pip's own": ({**BASE, **PYTHON, **VENDORED}, APP, STARTS, f"{DYNAMIC}/_ssl."),
    "Python that nothing starts": ({**BASE, **PYTHON}, {"/app/main": on_glibc()}, {"Cmd": ["/app/main"]}, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", SPEAKERS)
def test_certificates_stay_where_the_application_speaks_tls(name: str) -> None:
    base, own, config, speaker = SPEAKERS[name]
    image = {**base, **own}
    told = found({**image, **CERTIFICATES}, image, base, config)
    assert (len(told) == 1 and told[0].startswith(f"{BUNDLE} is gone, and {speaker}")) if speaker else told == []
    assert found(image, image, base, config) == []


def test_certificates_that_stay_are_no_matter() -> None:
    image = {**BASE, **CERTIFICATES, "/app/main": on_glibc("libssl.so.3")}
    assert found(image, image, BASE) == []


MORE = f"{PASSWD}own:x:1001:1001::/home/own:/bin/sh\nbuild:x:100:100::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"


@pytest.mark.parametrize(
    ("passwd", "says"),
    [
        (MORE, []),
        (PASSWD, ["the user own had the number 1001:1001, and is gone"]),
        (MORE.replace("1001", "1002"), ["the user own had the number 1001:1001, and now 1002:1002"]),
        (MORE.replace("build:x:100:100::/:/bin/sh\n", ""), []),
    ],
)
def test_the_users_that_the_author_made_are_there(passwd: str, says: list[str]) -> None:
    before, after = ({**debian(), "/etc/passwd": file(text)} for text in (MORE, passwd))
    assert found(before, after, debian()) == says


def test_the_users_of_the_old_base_are_its_own() -> None:
    before, after = {**debian(), "/etc/passwd": file(MORE)}, debian()
    bases = Bases(looked(before), looked(after))
    assert check(looked(before), looked(after), (), bases) == ()
    named = check(looked(before, {"User": "own"}), looked(after, {"User": "own"}), (), bases)
    assert list(map(str, named)) == ["USER: the user own had the number 1001:1001, and is gone"]


LOCAL, DEBIAN = "/usr/local/lib/python3.11/dist-packages", "/usr/lib/python3/dist-packages"
NEEDING = {
    f"{LOCAL}/own-1.0.dist-info": folder(),
    f"{LOCAL}/own-1.0.dist-info/METADATA": file("Requires-Dist: Setup_tools >=3\nRequires-Dist: never\n\nText\n"),
}
REQUIREMENTS: dict[str, tuple[Mapping[str, Item], Mapping[str, Item], bool]] = {
    # what is there besides, before and after, and whether something is held against it
    "the distribution's own": ({f"{DEBIAN}/setup_tools-66.dist-info": folder()}, {}, True),
    "the distribution's own, as older ones say": ({f"{DEBIAN}/setup_tools-52.egg-info": folder()}, {}, True),
    "in one file": ({f"{DEBIAN}/setup_tools-52.egg-info": file()}, {}, True),
    "another version of it": (
        {f"{DEBIAN}/setup_tools-66.dist-info": folder()}, {f"{LOCAL}/setup_tools-70.dist-info": folder()}, False
    ),
    "of another Python": ({"/usr/lib/python3.9/site-packages/setup_tools-66.dist-info": folder()}, {}, False),
    "nothing": ({}, {}, False),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_what_packages_of_python_require_is_there(name: str) -> None:
    before, after, lost = REQUIREMENTS[name]
    told = found({**debian(), **NEEDING, **before}, {**debian(), **NEEDING, **after}, debian())
    assert told == [f"{LOCAL}/own-1.0.dist-info requires setup-tools, which is gone"] * lost
