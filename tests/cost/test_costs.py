"""What instructions are assumed to take."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.context import BuildContext, DirectoryContext, MemoryContext
from optimizer.cost import Cost, costs, rates
from optimizer.model import read
from optimizer.packages.managers import BY_PROGRAM


def cost(body: str, context: BuildContext | None = None, before: str = "") -> Cost:
    return costs(read(f"FROM a\n{before}{body}\n").final, context)[-1]


def seconds(body: str, context: BuildContext | None = None, before: str = "") -> float:
    return cost(body, context, before).seconds


def commands(*names: str) -> float:
    return pytest.approx(rates.RUN_SECONDS + sum(rates.BY_COMMAND[each].seconds for each in names))  # type: ignore[return-value]


@pytest.mark.parametrize("body", ["ENV A=b", "ARG A", "CMD x", "USER x", "LABEL a=b", "EXPOSE 80", 'SHELL ["/bin/sh"]'])
def test_configuration_costs_nothing(body: str) -> None:
    assert seconds(body) == 0


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ("apt-get update", "apt update"),
        ("apt-get update && apt-get install -y --no-install-recommends git curl", "apt install, 2 packages"),
        ("DEBIAN_FRONTEND=noninteractive sudo apt install -y $PACKAGES", "apt install, 1 package"),
        ("yum install -y git", "dnf install, 1 package"),
        ("python3 -m pip install flask", "pip install, 1 package"),
        ("pip3.11 install --no-cache-dir flask django", "pip install, 2 packages"),
        ("python3.11 -m pytest -x", "pytest"),
        ("python3 -m strange", "python"),
        ("npm ci", "npm install, 100 locked packages"),
        ("npm run build", "npm run"),
        ("yarn", "yarn install, 100 locked packages"),
        ("yarn --frozen-lockfile", "yarn install, 100 locked packages"),
        ("yarn build", "yarn build"),
        ("go build -o /x ./cmd/x", "go build, 100 locked packages"),
        ("CGO_ENABLED=0 go mod download", "go mod, 100 locked packages"),
        ("cargo build --release", "cargo build, 100 locked packages"),
        ("./mvnw -B package", "mvnw, 100 locked packages"),
        ("mvn -B dependency:go-offline", "mvn, 100 locked packages"),
        ("./gradlew build", "gradlew"),
        ("cmake -S . -B build", "cmake"),
        ("cmake --build build", "cmake --build"),
        ("make -j4 install", "make"),
        ("./configure --prefix=/usr && make", "make"),
        ("curl -fsSL https://example.com | tar xz", "curl"),
        ("git clone https://example.com/x", "git clone"),
        ("set -ex; mkdir -p /a && git -C /x status", "git"),
        ("./build.sh", "a script of the project"),
        ("bash -c 'make'", "make"),
        ("bash build.sh", "bash"),
        ("/usr/bin/strange", "strange"),
        ("$PROGRAM", "a command whose name is computed"),
        ("case x in", "a script that cannot be read"),
        ('["npm", "run", "build"]', "npm run"),
        ("for x in a b; do curl $x; done", "curl"),
    ],
)
def test_the_dearest_command_is_named(body: str, source: str) -> None:
    assert cost(f"RUN {body}").source == f"assumed: {source}"


def test_commands_add_up() -> None:
    assert seconds("RUN curl a && tar xf a && ./configure && make") == commands("curl", "tar", "configure", "make")


def test_what_was_made_is_only_installed_after_that() -> None:
    once = seconds("RUN make clean && make")
    assert seconds("RUN make clean && make && make install") == pytest.approx(once + rates.AGAIN["make"])
    assert once == commands("make clean", "make")


def test_what_may_be_left_out_does_not_count() -> None:
    assert seconds("RUN tar xf a || make") == commands("tar")
    assert seconds("RUN if true; then make; fi") == pytest.approx(rates.RUN_SECONDS + rates.QUICK_SECONDS)
    assert seconds("RUN f() { make; }; tar x") == commands("tar")


def test_packages_of_a_requirements_file_are_counted() -> None:
    context = MemoryContext({"app/requirements.txt": "# x\nflask\ndjango==1 \\\n  --hash=a\n-r more.txt\n\n"})
    copy = "WORKDIR /srv\nCOPY app/ ./\n"
    assert cost("RUN pip install -r requirements.txt", context, copy).source == "assumed: pip install, 2 packages"
    assert cost("RUN pip install --requirement=/srv/requirements.txt x", context, copy).source.endswith("3 packages")
    assert cost("RUN cd / && pip install -r srv/requirements.txt", context, copy).source.endswith("2 packages")
    assert cost("RUN pip install -r requirements.txt", context).source.endswith("10 packages")


@pytest.mark.parametrize(
    ("command", "name", "text"),
    [
        ("npm ci", "package-lock.json", '"node_modules/a": {}, "node_modules/b": {}'),
        ("yarn install", "yarn.lock", '"a@1":\n  version "1"\n  resolved "x"\n"b@1":\n  version "1"\n  resolved "y"\n'),
        ("poetry install", "poetry.lock", "[[package]]\nname = 1\n[[package]]\n"),
        ("cargo build", "Cargo.lock", "[[package]]\nname = 1\n[[package]]\n"),
        ("go mod download", "go.sum", "a v1 h1:x\na v1/go.mod h1:x\nb v1 h1:x\nb v1/go.mod h1:x\n"),
        ("bundle install", "Gemfile.lock", "GEM\n  specs:\n    a (1)\n      b\n    b (1)\n"),
        ("mvn package", "pom.xml", "<dependency>a</dependency><dependency>b</dependency>"),
    ],
)
def test_packages_of_a_lock_file_are_counted(command: str, name: str, text: str) -> None:
    found = cost(f"RUN {command}", MemoryContext({name: text}), "WORKDIR /a\nCOPY . .\n")
    assert found.source.endswith("2 locked packages")
    assert found.seconds < seconds(f"RUN {command}")


def test_a_lock_file_too_large_to_be_read_holds_many(tmp_path: Path) -> None:
    (tmp_path / "package-lock.json").write_text(" " * (1 << 21))
    assert cost("RUN npm ci", DirectoryContext(tmp_path), "COPY . /\nWORKDIR /\n").source.endswith(
        "2,000 locked packages"
    )


def test_a_cache_mount_leaves_less() -> None:
    assert seconds("RUN --mount=type=cache,target=/go go build") < seconds("RUN go build")
    assert seconds("RUN --mount=type=cache,target=/go curl x") == seconds("RUN curl x")


def test_a_copy_costs_by_what_it_copies() -> None:
    context = MemoryContext({"small": "x", "large": "x" * 10_000_000, ".dockerignore": "hidden\n", "hidden": "x" * 100})
    assert seconds("COPY small /", context) < seconds("COPY large /", context) < seconds("COPY . /", context)
    assert cost("COPY . /", context).source == "assumed: 3 files, 10.0 MB"
    assert seconds("COPY small /") == seconds("COPY <<E /x\nabc\nE") == rates.COPY_SECONDS
    assert seconds("COPY --from=x / /", context) == rates.COPY_FROM_SECONDS
    assert seconds("ADD https://example.com/x /") > 1


def test_one_cost_an_instruction() -> None:
    stage = read("FROM a\nENV A=b\nRUN make\nCOPY . .\n").final
    assert len(costs(stage, None)) == len(stage.instructions)


def test_every_row_can_be_reached() -> None:
    for rate in rates.RATES:
        program, _, rest = rate.command.partition(" ")
        manager = BY_PROGRAM.get(program)
        if manager is None:
            assert cost(f"RUN {rate.command}").source.startswith(f"assumed: {rate.command}"), rate
        elif rest in ("install", "update", "upgrade"):
            words = sorted(getattr(manager, rest), key=len)
            assert words, rate
            flag = "" if program != "pacman" else " x"
            assert cost(f"RUN {program} {words[-1]}{flag}").source.startswith(f"assumed: {rate.command}"), rate
