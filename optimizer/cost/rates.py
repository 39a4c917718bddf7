"""How long commands take: what is assumed where nothing was measured.

Seconds on a common CI machine with a fast network. They need not be right: what counts is which of two instructions
is dearer, and by about how much. Rows marked *measured* say where the figure comes from; the others are judgement.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Unit = Literal["", "package", "locked package"]


class Rate(Struct, frozen=True):
    """What one command takes."""

    command: str
    """The program without path and version, and the words behind it by which it is known; for a package manager its
    name in ``optimizer.packages`` and the subcommand, or what that means: install, upgrade, update."""
    seconds: float
    reason: str
    each: float = 0.0
    """Seconds for each unit besides."""
    unit: Unit = ""
    """A package is one that the command or its requirements file names; a locked one stands in a lock file."""
    kept: float = 1.0
    """The share that is left with a cache mount that holds what the command fetched or compiled."""


RUN_SECONDS = 0.3
"""For starting a container and keeping its layer. Measured: ``RUN true`` takes 0.2 to 0.5 s."""
COPY_SECONDS = 0.05
"""Measured: 0.02 to 0.1 s for a small file."""
COPY_FILE = 0.0003
"""Seconds a file. Measured: 2,000 files in 0.6 s."""
COPY_BYTES = 1.0 / 50e6
"""Seconds a byte. Measured: 100 MB in 0.14 s, after 1.7 s in which the builder got them."""
COPY_FROM_SECONDS = 0.5
"""From another stage or image: how much it is is not known. Measured: 0.1 s for a small folder."""
WORKDIR_SECONDS = 0.1
"""Measured: it makes a folder, and so a layer."""
DOWNLOAD_SECONDS = 3.0
"""ADD of a URL."""
UNKNOWN_SECONDS = 1.0
"""A command that is not in the table."""
SCRIPT_SECONDS = 10.0
"""A script of the project, or a RUN that cannot be read: people write scripts for what is long."""

AGAIN = {"make": 2.0, "ninja": 2.0}
"""Programs that are quick where they have run before in the same RUN: the second time they mostly install."""

LOCKS = {
    "npm": (("package-lock.json", r'"node_modules/[^"]*": \{'), ("npm-shrinkwrap.json", r'"node_modules/[^"]*": \{')),
    "yarn": (("yarn.lock", r"^  resol(?:ved|ution)"),),
    "pnpm": (("pnpm-lock.yaml", r"^ +resolution:"),),
    "poetry": (("poetry.lock", r"^\[\[package\]\]"),),
    "uv": (("uv.lock", r"^\[\[package\]\]"),),
    "pipenv": (("Pipfile.lock", r'"version":'),),
    "pdm": (("pdm.lock", r"^\[\[package\]\]"),),
    "cargo": (("Cargo.lock", r"^\[\[package\]\]"),),
    "go": (("go.sum", r"/go\.mod h1:"),),
    "composer": (("composer.lock", r'"dist":'),),
    "bundle": (("Gemfile.lock", r"^    \S"), ("Gemfile", r"^\s*gem ")),
    "mvn": (("pom.xml", "<dependency>"),),
    "dotnet": (("packages.lock.json", '"resolved":'),),
}
"""The lock files of a program, the first that is there counts, and what stands in it once a package (a regular
expression)."""
LOCKED = 100
"""Locked packages where the lock file is not known."""
LARGE = 2_000
"""Those of a lock file too large to be read."""

RATES = (
    Rate("apt update", 3, "measured: 2.8 s; fetches and reads the lists of packages"),
    Rate("apt install", 3, "with what the packages need besides; compilers take longer", 1.5, "package", kept=0.7),
    Rate("apt upgrade", 15, "fetches whatever is newer than the base image", kept=0.7),
    Rate("apk update", 1, "fetches two small indexes"),
    Rate("apk install", 1, "small packages", 0.5, "package", kept=0.7),
    Rate("apk upgrade", 3, "small packages"),
    Rate("dnf update", 10, "large lists of packages"),
    Rate("dnf install", 12, "large lists of packages", 1.5, "package", kept=0.7),
    Rate("dnf upgrade", 30, "large lists of packages", kept=0.7),
    Rate("zypper install", 10, "large lists of packages", 1.5, "package", kept=0.7),
    Rate("pacman install", 5, "one list, large packages", 1.5, "package", kept=0.7),
    Rate("pip install", 2, "starts, resolves; each with what it needs besides", 2.5, "package", kept=0.5),
    Rate("pipx install", 4, "an environment for each", 3, "package", kept=0.5),
    Rate("poetry install", 3, "from the lock file", 0.3, "locked package", kept=0.5),
    Rate("pipenv install", 5, "from the lock file", 0.5, "locked package", kept=0.5),
    Rate("pipenv sync", 5, "from the lock file", 0.5, "locked package", kept=0.5),
    Rate("pdm install", 3, "from the lock file", 0.3, "locked package", kept=0.5),
    Rate("pdm sync", 3, "from the lock file", 0.3, "locked package", kept=0.5),
    Rate("uv sync", 0.5, "from the lock file, in parallel", 0.05, "locked package", kept=0.3),
    Rate("uv install", 0.5, "in parallel", 0.3, "package", kept=0.3),
    Rate("conda install", 30, "solves for a long time", 3, "package", kept=0.6),
    Rate("mamba install", 15, "solves faster", 2, "package", kept=0.6),
    Rate("micromamba install", 12, "solves faster", 2, "package", kept=0.6),
    Rate("npm install", 4, "many small files", 0.03, "locked package", kept=0.6),
    Rate("npm run", 15, "mostly a bundler or a compiler"),
    Rate("npm test", 15, "a whole test suite"),
    Rate("npx", 8, "mostly a bundler or a compiler"),
    Rate("yarn install", 4, "many small files", 0.03, "locked package", kept=0.6),
    Rate("yarn build", 15, "mostly a bundler or a compiler"),
    Rate("yarn run", 15, "mostly a bundler or a compiler"),
    Rate("pnpm install", 3, "links instead of copies", 0.02, "locked package", kept=0.4),
    Rate("pnpm build", 15, "mostly a bundler or a compiler"),
    Rate("pnpm run", 15, "mostly a bundler or a compiler"),
    Rate("tsc", 8, "reads all sources and their types"),
    Rate("webpack", 15, "a bundler"),
    Rate("vite", 8, "a faster bundler"),
    Rate("ng", 30, "compiles and bundles"),
    Rate("bundle install", 5, "native extensions are compiled", 0.7, "locked package", kept=0.6),
    Rate("bundle exec", 15, "mostly rake assets:precompile"),
    Rate("gem install", 2, "native extensions are compiled", 4, "package"),
    Rate("composer install", 2, "archives", 0.15, "locked package", kept=0.5),
    Rate("composer dump-autoload", 1, "reads the sources"),
    Rate("go mod", 1, "modules through a proxy", 0.15, "locked package", kept=0.1),
    Rate("go build", 8, "dependencies are compiled too", 0.3, "locked package", kept=0.3),
    Rate("go install", 8, "dependencies are compiled too", 0.3, "locked package", kept=0.3),
    Rate("go test", 15, "compiles, and runs the tests", 0.3, "locked package", kept=0.4),
    Rate("go get", 2, "a module with what it needs", 2, "package", kept=0.2),
    Rate("cargo fetch", 3, "the index, archives", 0.05, "locked package", kept=0.1),
    Rate("cargo build", 10, "dependencies are compiled too, with optimisation", 0.8, "locked package", kept=0.2),
    Rate("cargo install", 60, "compiles a program with all it needs", kept=0.3),
    Rate("cargo test", 15, "compiles, and runs the tests", 0.8, "locked package", kept=0.3),
    Rate("cargo chef", 10, "compiles dependencies", 0.8, "locked package", kept=0.2),
    Rate("rustup", 15, "fetches a toolchain"),
    Rate("mvn", 15, "fetches plug-ins, compiles; each with what it needs besides", 1.5, "locked package", kept=0.4),
    Rate("mvnw", 20, "fetches itself first", 1.5, "locked package", kept=0.4),
    Rate("gradle", 40, "starts, fetches plug-ins, compiles", kept=0.5),
    Rate("gradlew", 45, "fetches itself first", kept=0.5),
    Rate("sbt", 60, "fetches itself first, compiles slowly", kept=0.5),
    Rate("dotnet restore", 6, "archives", 0.1, "locked package", kept=0.3),
    Rate("dotnet build", 12, "compiles"),
    Rate("dotnet publish", 15, "compiles, and restores again"),
    Rate("dotnet test", 20, "compiles, and runs the tests"),
    Rate("make", 30, "as a rule compiles all sources", kept=0.4),
    Rate("make clean", 0.3, "removes what was made"),
    Rate("make distclean", 0.3, "removes what was made"),
    Rate("ninja", 30, "as a rule compiles all sources", kept=0.4),
    Rate("cmake --build", 30, "as a rule compiles all sources", kept=0.4),
    Rate("cmake --install", 1, "copies"),
    Rate("cmake", 4, "tries compilers and libraries"),
    Rate("meson", 4, "tries compilers and libraries"),
    Rate("configure", 12, "tries compilers and libraries, one after the other"),
    Rate("autoreconf", 8, "makes configure"),
    Rate("autogen.sh", 8, "makes configure"),
    Rate("bazel", 60, "starts, fetches, compiles", kept=0.4),
    Rate("gcc", 1.5, "a few files"),
    Rate("g++", 3, "a few files"),
    Rate("cc", 1.5, "a few files"),
    Rate("javac", 2, "a few files"),
    Rate("swift", 60, "fetches, compiles", kept=0.4),
    Rate("mix deps.get", 3, "archives"),
    Rate("mix", 15, "compiles"),
    Rate("Rscript", 60, "as a rule compiles packages"),
    Rate("install2.r", 60, "as a rule compiles packages"),
    Rate("curl", 2, "a download"),
    Rate("wget", 2, "a download"),
    Rate("git clone", 4, "a download"),
    Rate("git submodule", 4, "a download"),
    Rate("playwright", 40, "fetches browsers, hundreds of megabytes"),
    Rate("tar", 1, "an archive"),
    Rate("unzip", 1, "an archive"),
    Rate("pytest", 15, "a whole test suite"),
    Rate("python", 2, "a program of the project"),
    Rate("node", 2, "a program of the project"),
    Rate("ruby", 2, "a program of the project"),
    Rate("php", 2, "a program of the project"),
    Rate("java", 3, "a program of the project"),
    Rate("sh", SCRIPT_SECONDS, "a script of the project"),
    Rate("bash", SCRIPT_SECONDS, "a script of the project"),
    Rate("locale-gen", 3, "compiles locales"),
    Rate("update-ca-certificates", 1, "reads all certificates"),
    Rate("fc-cache", 1, "reads all fonts"),
    Rate("openssl", 1, "makes keys"),
    Rate("add-apt-repository", 4, "fetches a key and the lists of packages"),
    Rate("dpkg", 2, "unpacks a package"),
    Rate("rpm", 2, "unpacks a package"),
    Rate("cpanm", 3, "compiles, and runs the tests", 8, "package"),
    Rate("R", 60, "as a rule compiles packages"),
    Rate("julia", 60, "as a rule compiles packages"),
    Rate("sdkmanager", 60, "fetches hundreds of megabytes"),
    Rate("docker-php-ext-install", 5, "compiles each extension", 12, "package"),
    Rate("pecl", 20, "compiles an extension"),
)  # fmt: skip

QUICK_SECONDS = 0.01
"""A program that ends at once: one of ``QUICK``, or a package manager that cleans."""
QUICK = frozenset((
    ":", "[", ".", "a2enmod", "a2ensite", "addgroup", "adduser", "alias", "awk", "basename", "cat", "cd", "chgrp",
    "chmod", "chown", "chpasswd", "chsh", "command", "corepack", "cp", "cut", "date", "dirname", "dpkg-reconfigure",
    "echo", "env", "exit", "export", "false", "find", "grep", "groupadd", "groupmod", "head", "hostname", "id",
    "install", "ldconfig", "ln", "ls", "mkdir", "mktemp", "mv", "patchelf", "passwd", "printf", "pwd", "readlink",
    "rm", "rmdir", "sed", "set", "setcap", "shift", "sleep", "sort", "source", "stat", "tail", "tee", "test",
    "touch", "tr", "true", "umask", "uname", "unset", "update-alternatives", "useradd", "usermod", "wc", "which",
    "xargs",
))  # fmt: skip
"""Programs that end at once."""

BY_COMMAND = {each.command: each for each in RATES}


def table() -> str:
    """The rates for the documentation, in Markdown."""
    rows = (
        f"| `{each.command}` | {each.seconds:g} | {f'{each.each:g} a {each.unit}' if each.unit else ''} "
        f"| {f'{each.kept:.0%}' if each.kept < 1 else ''} | {each.reason} |\n"
        for each in RATES
    )
    return "| Command | s | and | with a cache mount | |\n|---|---|---|---|---|\n" + "".join(rows)
