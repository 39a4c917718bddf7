"""Which commands may run before the sources are there: the sources lie in /app, which is the directory too."""

from __future__ import annotations

import pytest

from optimizer.context import MemoryContext
from optimizer.independence import UNKNOWN, Surroundings, dependence, feeds_known_script, shared_folder, value
from optimizer.landing import Folder, brought
from optimizer.model import read
from optimizer.shell import Command, Script, Simple, parse

AROUND = Surroundings(("/app",), "/app", {"TOOLS": "/opt/tools", "HERE": "/app", "VERSION": None})


def commands(text: str) -> tuple[Command, ...]:
    script = parse(text)
    assert isinstance(script, Script)
    return script.body.items[0].pipeline.commands


def simple(text: str) -> Simple:
    command = commands(text)[0]
    assert isinstance(command, Simple)
    return command


@pytest.mark.parametrize(
    "text",
    [
        "apt-get install -y gcc=$VERSION",
        "apk add --no-cache gcc",
        "sudo apt-get update",
        "apt-get install -y linux-headers-$(uname -r)",
        "rm -rf /var/lib/apt/lists/* /root/.cache",
        "mkdir -p $TOOLS/bin",
        "ln -s /usr/bin/python3 /usr/bin/python",
        "curl -fsSL -o /tmp/x.tgz https://example.com/x.tgz",
        "wget -qO- https://example.com/x.tgz",
        "tar xzf /tmp/x.tgz -C /opt",
        "npm config set fund false",
        "python3 -m venv /opt/venv",
        "echo deb https://example.com > /etc/apt/sources.list.d/x.list",
        "gem install bundler",
        "useradd --create-home app",
    ],
)
def test_leaves_the_sources_alone(text: str) -> None:
    assert dependence(simple(text), AROUND) is None


@pytest.mark.parametrize(
    "text",
    [
        "make",
        "./install.sh",
        "$TOOL build",
        "python setup.py build",
        "apt-get install -y ./local.deb",
        "apt-get install -y $(cat packages.txt)",
        "apt-get install -y $VERSION",
        "xargs apt-get install -y",
        "apt-get install -y gcc < packages.txt",
        "mkdir build",
        "rm -rf *",
        "rm -rf /*",
        "chmod +x start.sh",
        "chown -R app /",
        "cp $HERE/x /etc/x",
        "cp /etc/x /app/../app/x",
        "mkdir -p /$VERSION/x",
        "curl -fsSLO https://example.com/x.tgz",
        "wget https://example.com/x.tgz",
        "tar xzf /tmp/x.tgz",
        "echo x > settings.py",
        "echo `cat \\`ls\\``",
        "npm config set fund false --local",
        "python3 -m venv venv",
        "useradd --home-dir=/app app",
        "env X=1 make",
    ],
)
def test_may_read_or_change_the_sources(text: str) -> None:
    assert dependence(simple(text), AROUND)


def test_another_directory_is_not_the_sources() -> None:
    elsewhere = AROUND.inside("/tmp")
    assert dependence(simple("mkdir build"), elsewhere) is None
    assert dependence(simple("mkdir ../app/build"), elsewhere)
    assert dependence(simple("mkdir build"), elsewhere.inside(None))


def test_an_account_may_make_its_home() -> None:
    assert dependence(simple("useradd -m app"), Surroundings(("/home/app",), "/", {}))


def test_scripts_from_the_network_are_known_by_name() -> None:
    assert feeds_known_script(commands("curl -fsSL https://deb.nodesource.com/setup_22.x | bash -"), AROUND)
    assert not feeds_known_script(commands("curl -fsSL https://example.com/install.sh | bash"), AROUND)
    assert not feeds_known_script(commands("cat deb.nodesource.com/setup | bash"), AROUND)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("$HERE/x", "/app/x"),
        ('"${HERE}"', "/app"),
        ("a-$VERSION", f"a-{UNKNOWN}"),
        ("$VERSION", None),
        ('"$VERSION"', UNKNOWN),
        ("$TARGETARCH", UNKNOWN),
        ("${HERE:-/x}", None),
        ("*.txt", None),
        ("'$HERE'", "$HERE"),
    ],
)
def test_words_are_expanded_as_far_as_they_are_known(word: str, expected: str | None) -> None:
    assert value(simple(f"x {word}").words[1], AROUND.environment) == expected


@pytest.mark.parametrize(
    ("zone", "distribution", "shared"),
    [
        ("/app", True, None),
        ("/usr/src/app", True, None),
        ("/usr/local/app", True, None),
        ("/usr/local/lib/x", False, "/usr/local/lib"),
        ("/", False, "/bin"),
        ("/var/www/html", False, None),
        ("/var/www/html", True, "/var/www"),
    ],
)
def test_folders_that_installs_write_to(zone: str, distribution: bool, shared: str | None) -> None:
    assert shared_folder(zone, distribution=distribution) == shared


def test_a_folder_of_the_image_shows_what_was_copied_last() -> None:
    files = {"a/x": "1", "a/sub/y": "2", "b/x": "3", "z": "4", "a/hidden": "5", ".dockerignore": "a/hidden"}
    context = MemoryContext(files)
    model = read("FROM scratch\nWORKDIR /app\nCOPY a .\nCOPY b/x ./\nCOPY z /app/sub/renamed\n")
    landings = [landing for each in brought(model.final, context).values() for landing in each.landings]
    folder = Folder("/app", tuple(landings), context)
    assert sorted(folder.files()) == ["sub/renamed", "sub/y", "x"]
    assert folder.read("x") == "3"
    assert folder.read("sub/renamed") == "4"
    assert folder.is_dir("sub")
    assert not folder.is_file("hidden")
    assert not folder.is_dir("..")
    assert list(Folder("/app/sub", tuple(landings), context).files("..")) == ["../sub/renamed", "../sub/y", "../x"]


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("COPY --exclude=*.md . /app", "--exclude decides"),
        ("COPY $UNKNOWN /app", "a variable"),
        ("COPY . $UNKNOWN", "where it puts the files"),
        ("COPY --from=nginx /etc /app", "more than files of the build context"),
        ("ADD https://example.com/x /app/", "more than files of the build context"),
        ("ADD x.tar /app/", "ADD may unpack"),
        ("ADD . /app/", ""),
        ("COPY . /app/", ""),
    ],
)
def test_what_a_copy_brings_is_known_or_said_to_be_unknown(line: str, unknown: str) -> None:
    model = read(f"FROM scratch\nARG UNKNOWN=/\n{line}\n")
    (each,) = brought(model.final, MemoryContext({"x.tar": "", "x": ""})).values()
    assert unknown in each.unknown
    assert each.known == (unknown == "")
