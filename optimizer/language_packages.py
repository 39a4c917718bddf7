"""What Python, JavaScript and Rust packages need of the system: which install without a compiler, and which do not.

Source: the packages' own documentation, and the wheels on the package index: each version under WHEELS was looked up
with ``pip install --only-binary``. A package that is in no list may need anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

Minor = int | None
"""The x of Python 3.x; None where the tag does not fix it."""

_PURE = """
hatchling flit-core pdm-backend
aiofiles aiosignal alabaster alembic amqp annotated-types anyio apispec appdirs apscheduler arrow asgiref astroid
async-timeout attrs authlib babel backoff beautifulsoup4 billiard bleach blinker boto3 botocore bottle build
cachetools celery certifi chardet charset-normalizer click click-didyoumean click-plugins click-repl cloudpickle
colorama coverage decorator defusedxml dj-database-url django django-cors-headers django-debug-toolbar django-environ
django-extensions django-filter django-redis django-storages djangorestframework dnspython docutils drf-spectacular
drf-yasg elasticsearch email-validator et-xmlfile eventlet exceptiongroup factory-boy faker fastapi filelock flake8
flask flask-admin flask-babel flask-bcrypt flask-caching flask-cors flask-jwt-extended flask-limiter flask-login
flask-mail flask-marshmallow flask-migrate flask-restful flask-restx flask-script flask-session flask-socketio
flask-sqlalchemy flask-wtf freezegun fsspec google-auth googleapis-common-protos graphene graphql-core gunicorn h11 h2
hpack httpcore httplib2 httpx humanize hupper hypercorn idna importlib-metadata importlib-resources inflection
iniconfig invoke isort itsdangerous jinja2 jmespath joblib jsonpatch jsonpointer jsonschema kombu langchain-core
limits loguru lxml-html-clean mako markdown markdown-it-py markupsafe marshmallow marshmallow-sqlalchemy mccabe mdurl
more-itertools mypy-extensions networkx oauthlib openai openpyxl packaging paramiko passlib pathspec peewee pexpect
phonenumbers pika pip pip-tools pipenv pipx platformdirs plotly pluggy plumbum poetry poetry-core poetry-plugin-export
prometheus-client prompt-toolkit ptyprocess pyasn1 pyasn1-modules pycodestyle pycparser pydantic pydantic-settings
pydash pydeps pyflakes pygments pyjwt pymongo pymysql pyopenssl pyparsing pypdf pypdf2 pyramid pytest pytest-asyncio
pytest-cov pytest-django pytest-mock python-dateutil python-decouple python-dotenv python-jose python-json-logger
python-multipart python-slugify pytz qrcode redis requests requests-oauthlib requests-toolbelt responses retrying rich
rq rsa s3transfer sanic-routing sentry-sdk setuptools shellingham simplejson six slack-sdk sniffio sortedcontainers
soupsieve sqlalchemy sqlmodel sqlparse starlette streamlit stripe structlog tabulate tenacity text-unidecode tomli
tomlkit tornado tqdm twilio typer typer-slim typing-extensions typing-inspection tzdata tzlocal unidecode uritemplate
urllib3 uv uvicorn vine virtualenv waitress wcwidth webencodings webob websocket-client websockets werkzeug wheel
whitenoise wrapt wsproto wtforms xlrd xlsxwriter xmltodict zipp zope-interface
"""
PURE = frozenset(_PURE.split())
"""Packages that need no compiler in any version: pure Python, or with an extension that is left out where none is."""

PREBUILT = frozenset({"orjson", "pydantic-core", "rpds-py", "ruff", "tiktoken", "watchfiles"})
"""Packages that need Rust where there is no wheel: the full image has none either."""

EXTRAS = {
    "celery": {"redis"}, "django": {"argon2", "bcrypt"}, "fastapi": {"all", "standard"}, "flask": {"async", "dotenv"},
    "httpx": {"http2"}, "passlib": {"bcrypt"}, "psycopg": {"binary"}, "pydantic": {"dotenv", "email"},
    "pyjwt": {"crypto"},
    "python-jose": {"cryptography"}, "qrcode": {"pil"}, "redis": {"hiredis"}, "requests": {"security", "socks"},
    "uvicorn": {"standard"},
}  # fmt: skip
"""Extras whose packages have wheels."""

_NEWEST = 14
WHEELS: dict[str, tuple[str, ...]] = {
    "bcrypt": ("3.2.0",) * 5,
    "cryptography": ("36.0.0",) * 5,
    "psutil": ("5.9.4",) * 5,
    "pynacl": ("1.5.0",) * 5,
    "aiohttp": ("3.8.1", "3.8.3", "3.9.1", "3.10.10", "3.13.0"),
    "cffi": ("1.15.0", "1.15.1", "1.16.0", "1.17.1", "2.0.0"),
    "gevent": ("21.12.0", "22.10.2", "23.9.1", "24.10.1", "25.9.1"),
    "greenlet": ("1.1.2", "2.0.1", "3.0.1", "3.1.1", "3.2.4"),
    "grpcio": ("1.43.0", "1.51.1", "1.60.0", "1.67.0", "1.76.0"),
    "httptools": ("0.5.0", "0.5.0", "0.6.1", "0.6.4", "0.7.1"),
    "lxml": ("4.8.0", "4.9.2", "5.0.0", "5.3.0", "6.0.2"),
    "matplotlib": ("3.5.1", "3.7.0", "3.8.0", "3.10.0", "3.10.7"),
    "numpy": ("1.22.0", "1.24.0", "1.26.0", "2.1.0", "2.3.3"),
    "pandas": ("1.4.0", "1.5.3", "2.1.1", "2.2.3", "2.3.3"),
    "pillow": ("9.0.0", "9.4.0", "10.1.0", "11.0.0", "12.0.0"),
    "psycopg2-binary": ("2.9.3", "2.9.5", "2.9.9", "2.9.10", "2.9.11"),
    "pyyaml": ("6.0", "6.0.1", "6.0.1", "6.0.2", "6.0.3"),
    "scikit-learn": ("1.0.2", "1.2.0", "1.4.0", "1.6.0", "1.7.2"),
    "scipy": ("1.8.0", "1.10.0", "1.11.4", "1.14.1", "1.16.2"),
    "uvloop": ("0.17.0", "0.17.0", "0.20.0", "0.21.0", "0.22.1"),
}
"""For Python 3.10 to 3.14, a version from which on there are wheels; an older Python takes the first."""

NEEDS: dict[str, str] = {
    "cairocffi": "libcairo2",
    "cairosvg": "libcairo2",
    "dlib": "cmake g++ make",
    "gdal": "g++ libgdal-dev",
    "gitpython": "git",
    "lightgbm": "libgomp1",
    "mysqlclient": "gcc pkg-config default-libmysqlclient-dev",
    "pdf2image": "poppler-utils",
    "pre-commit": "git",
    "psycopg": "libpq5",
    "psycopg2": "gcc libc6-dev libpq-dev",
    "pycairo": "gcc libc6-dev pkg-config libcairo2-dev",
    "pygraphviz": "gcc libc6-dev libgraphviz-dev",
    "pyodbc": "gcc g++ unixodbc-dev",
    "pytesseract": "tesseract-ocr",
    "python-ldap": "gcc libc6-dev libldap2-dev libsasl2-dev",
    "python-magic": "libmagic1",
    "python-magic-bin": "libmagic1",
    "setuptools-scm": "git",
    "uwsgi": "gcc libc6-dev",
    "wand": "libmagickwand-dev",
    "weasyprint": "libpango-1.0-0",
    "xmlsec": "gcc libc6-dev pkg-config libxmlsec1-dev",
}
"""Debian packages that a Python package is built or runs with, most of which the full image has."""


class Requirement(Struct, frozen=True):
    """A requirement as pip reads it: the normalised name, extras, and the version specifiers as written."""

    name: str
    extras: frozenset[str]
    specifiers: str
    direct: str | None
    """The URL or path behind ``@``."""


_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[([^]]*)\])?\s*(?:@\s*(\S+)|([^;]*))")


def requirement(text: str) -> Requirement | None:
    """Read one requirement (PEP 508); None for what is none, such as a path or a URL."""
    text = text.strip()
    found = _REQUIREMENT.match(text)
    if found is None or "://" in text.partition("@")[0] or text.startswith((".", "/")) or "/" in found[1]:
        return None
    name = re.sub(r"[-_.]+", "-", found[1]).lower()
    extras = frozenset(extra.strip().lower() for extra in (found[2] or "").split(",") if extra.strip())
    specifiers = (found[4] or "").split(" --")[0].strip().strip("()").strip()
    if specifiers and specifiers[0] not in "=<>!~":
        return None
    return Requirement(name, extras, specifiers, found[3])


def system_packages(wanted: Requirement) -> tuple[str, ...]:
    """The Debian packages that a Python package is known to be built or to run with."""
    with_library = wanted.name == "psycopg" and wanted.extras  # its wheels for these have it in them
    return () if with_library else tuple(NEEDS.get(wanted.name, "").split())


def python_need(wanted: Requirement, minor: Minor, installed: frozenset[str]) -> str | None:
    """What a Python package needs that a slim image lacks, as a reason; None where it is known to need nothing.

    ``installed`` are the Debian packages that are there.
    """
    if wanted.direct is not None:
        return f"{wanted.name} is built from {wanted.direct}"
    name = wanted.name
    if unknown := wanted.extras - EXTRAS.get(name, set()):
        return f"it is not known here what {name}[{','.join(sorted(unknown))}] needs"
    if needed := system_packages(wanted):
        missing = [package for package in needed if package not in installed]
        return f"{name} needs {' and '.join(missing)}" if missing else None
    if name in PURE or name in PREBUILT or name in NEEDS:
        return None
    if name not in WHEELS:
        return f"it is not known here whether {name} needs a compiler or a system library"
    if not any(operator in wanted.specifiers for operator in ("==", "~=", "<")):
        return None  # the newest version that serves this Python has wheels for it
    if minor is None:
        return f"{name} is pinned, and whether it has a wheel depends on which Python the tag is"
    if minor > _NEWEST or not _may_reach(wanted.specifiers, WHEELS[name][max(minor, 10) - 10]):
        return f"it is not known here whether {name}{wanted.specifiers} has a wheel for Python 3.{minor}"
    return None


def _may_reach(specifiers: str, version: str) -> bool:
    """Whether every upper end that the specifiers set leaves the version or a later one."""
    least = _numbers(version)
    for part in specifiers.split(","):
        operator = part.strip().rstrip("0123456789.*abcdefghijklmnopqrstuvwxyz+-! ")
        end = _numbers(part)
        if (operator == "<" and end <= least) or (operator in ("==", "===", "~=", "<=") and end < least):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    """The first three numbers of a version; missing ones are 0."""
    found = tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0]))
    return (found + (0,) * 3)[:3]


def python_lock(text: str, minor: Minor, installed: frozenset[str]) -> Iterator[str]:
    """What the packages of a poetry.lock, uv.lock or pdm.lock need: each must have a wheel for this Python.

    Packages that only an extra or a group asks for are judged too. A file that is no such lock is a need itself.
    """
    import tomllib

    try:
        packages = tomllib.loads(text).get("package")
    except (ValueError, RecursionError):
        packages = None
    if not isinstance(packages, list):
        yield "the lock file cannot be read"
        return
    for package in packages:
        name = re.sub(r"[-_.]+", "-", str(package.get("name"))).lower()
        source = package.get("source", {})
        if source.get("type") in ("git", "url", "directory", "file") or {"git", "url", "directory", "path"} & set(
            source
        ):
            yield f"{name} is built from its sources"
        elif source.keys() & {"editable", "virtual"}:
            continue  # the project itself
        elif name in NEEDS:
            if need := python_need(Requirement(name, frozenset(), "", None), minor, installed):
                yield need
        elif name not in PURE and name not in PREBUILT and not any(fits(file, minor) for file in _files(package)):
            yield f"{name} has no wheel for this Python in the lock file"


def _files(package: Mapping[str, Any]) -> Iterator[str]:
    for entry in (*package.get("files", ()), *package.get("wheels", ())):
        yield str(entry.get("file") or entry.get("url") or "").rpartition("/")[2]


def fits(wheel: str, minor: Minor) -> bool:
    """Whether a wheel of that file name serves CPython 3.minor on Linux (PEP 425)."""
    parts = wheel.removesuffix(".whl").split("-")
    if not wheel.endswith(".whl") or len(parts) < 5:
        return False
    pythons, abis, platforms = (part.split(".") for part in parts[-3:])
    if not any(name == "any" or name.startswith(("manylinux", "linux_")) for name in platforms):
        return False
    if "none" in abis and any(name in ("py3", "py2.py3") or name.startswith("py3") for name in pythons):
        return True
    if minor is None:
        return False
    if "abi3" in abis:
        return any(name.startswith("cp3") and int(name[3:] or 0) <= minor for name in pythons)
    return f"cp3{minor}" in pythons and bool({f"cp3{minor}", f"cp3{minor}m", "none"} & set(abis))


BUILT_MODULES = frozenset({
    "node-gyp", "node-gyp-build", "node-pre-gyp", "@mapbox/node-pre-gyp", "nan", "node-addon-api", "prebuild-install",
    "bindings", "cmake-js", "node-sass",
})  # fmt: skip
"""npm packages that only come along with one that is compiled, or may be."""

HARMLESS_SCRIPTS = frozenset({
    "@parcel/watcher", "@swc/core", "core-js", "core-js-pure", "es5-ext", "esbuild", "fsevents", "husky", "msw", "nx",
    "protobufjs", "simple-git-hooks", "unrs-resolver", "vue-demi",
})  # fmt: skip
"""npm packages whose install script compiles nothing on Linux."""


def node_lock(name: str, text: str) -> Iterator[str]:
    """What the packages of a package-lock.json, yarn.lock or pnpm-lock.yaml need that a slim image lacks."""
    if name.endswith(".json"):
        yield from _npm_lock(text)
        return
    for line in text.split("\n"):
        entry = line.strip().strip("'\":/")
        module = re.match(r"(@?[\w./-]+?)@", entry)
        if line[:1] not in ("#", "") and module and module[1].strip("/") in BUILT_MODULES:
            yield f"{name} holds {module[1]}, so a package may be compiled"
            return
        if "git+" in entry or "git@" in entry or ".git#" in entry:
            yield f"{name} takes a package from a git repository"
            return


def _npm_lock(text: str) -> Iterator[str]:
    import json

    try:
        packages = json.loads(text).get("packages")
    except (ValueError, AttributeError, RecursionError):
        packages = None
    if not isinstance(packages, dict):
        yield "package-lock.json is older than npm 7 or cannot be read"
        return
    for path, package in packages.items():
        name = path.rpartition("node_modules/")[2]
        if str(package.get("resolved", "")).startswith("git"):
            yield f"{name} comes from a git repository"
        elif package.get("hasInstallScript") and name and name not in HARMLESS_SCRIPTS:
            yield f"{name} has an install script, which may compile"


FREE_SYS = frozenset({
    "core-foundation-sys", "fsevent-sys", "hermit-abi", "inotify-sys", "js-sys", "kqueue-sys", "linux-raw-sys", "mach2",
    "ndk-sys", "redox_syscall", "security-framework-sys", "wasi", "web-sys", "windows-sys", "android_system_properties",
    "iana-time-zone", "objc-sys", "schannel",
})  # fmt: skip
"""Rust crates ending in -sys that bind to no library of Linux distributions."""


def cargo_lock(text: str) -> Iterator[str]:
    """What the crates of a Cargo.lock need that a slim Rust image lacks: libraries, and programs that build them."""
    import tomllib

    try:
        packages = tomllib.loads(text).get("package", [])
    except (ValueError, RecursionError):
        yield "Cargo.lock cannot be read"
        return
    for package in packages:
        name = str(package.get("name"))
        if (name.endswith("-sys") and name not in FREE_SYS) or name in ("cmake", "pkg-config", "bindgen", "autotools"):
            yield f"{name} needs a library or a program of the full image"
