from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator

import pytest

from optimizer import model as models
from optimizer import registry, shell
from optimizer.engine import optimize
from optimizer.fix import Edit, Fix, splice
from optimizer.packages import MANAGERS, read
from optimizer.packages.commands import KNOWN
from optimizer.packages.lists import events_of, leaves, needs
from optimizer.packages.managers import APT, BY_PROGRAM, Manager
from optimizer.packages.places import Placed, Reading, behind, common, follows_one, in_front, reading, removals
from optimizer.rewrite import ScriptEdit


def command(text: str) -> shell.Simple:
    script = shell.parse(text)
    assert isinstance(script, shell.Script)
    found = script.body.items[0].pipeline.commands[0]
    assert isinstance(found, shell.Simple)
    return found


@pytest.mark.parametrize(
    ("text", "manager", "action", "program", "runner", "arguments"),
    [
        ("apt-get -y -qq install a b", "apt", "install", "apt-get", "", "a b"),
        ("DEBIAN_FRONTEND=x apt-get -o A=b install -y a", "apt", "install", "apt-get", "", "-y a"),
        ("sudo -E apt update -qq", "apt", "update", "apt", "sudo -E", "-qq"),
        ("sudo -u app A=b env C=d npm --prefix x ci", "npm", "install", "npm", "sudo -u app", ""),
        ("gosu app npm install", "npm", "install", "npm", "gosu app", ""),
        ("timeout 60 /usr/bin/apt-get upgrade", "apt", "upgrade", "/usr/bin/apt-get", "", ""),
        ("apt-get $OPTIONS install a", "apt", "install", "apt-get", "", "a"),
        ("xargs -a list apt-get install -y", "apt", "install", "apt-get", "", "-y"),
        ("apk --update --no-cache add -t x a", "apk", "install", "apk", "", "-t x a"),
        ("yum -y update", "yum", "upgrade", "yum", "", ""),
        ("dnf -y module install a", "dnf", "install", "dnf", "", "a"),
        ("python3.12 -W ignore -m pip install a", "pip", "install", "python3.12 -W ignore -m pip", "", "a"),
        ("pip-3.6 install a", "pip", "install", "pip-3.6", "", "a"),
        ("$VENV/bin/pip install a", "pip", "install", "$VENV/bin/pip", "", "a"),
        ("php -d x=y composer.phar install", None, "", "", "", ""),
        ("php composer.phar install", "composer", "install", "php composer.phar", "", ""),
        ("conda env create -f x", "conda", "install", "conda", "", "-f x"),
        ("uv pip install a", "uv", "install", "uv", "", "a"),
        ("yarn", "yarn", "install", "yarn", "", ""),
        ("yarn --production", "yarn", "install", "yarn", "", "--production"),
        ("yarn --version", "yarn", "other", "yarn", "", "--version"),
        ("yarn global add a", "yarn", "install", "yarn", "", "a"),
        ("yarn build", "yarn", "other", "yarn", "", ""),
        ("pacman -Syu --noconfirm a", "pacman", "install", "pacman", "", "-Syu --noconfirm a"),
        ("pacman -Sy", "pacman", "update", "pacman", "", "-Sy"),
        ("pacman -Scc", "pacman", "clean", "pacman", "", "-Scc"),
        ("pacman -Ss a", "pacman", "other", "pacman", "", "-Ss a"),
        ("python -m venv /v", None, "", "", "", ""),
        ("$PIP install a", None, "", "", "", ""),
        ("command -v yarn", None, "", "", "", ""),
        ("chroot /x apt-get install a", None, "", "", "", ""),
        ("echo apt-get install a", None, "", "", "", ""),
        ("A=b", None, "", "", "", ""),
    ],
)
def test_reads_calls_of_package_managers(
    text: str, manager: str | None, action: str, program: str, runner: str, arguments: str
) -> None:
    call = read(command(text))
    if call is None:
        assert manager is None
        return
    found = (call.manager.name, call.action, call.program_text, call.runner, " ".join(w.text for w in call.arguments))
    assert found == (manager, action, program, runner, arguments)


def test_no_program_belongs_to_two_managers() -> None:
    assert len(BY_PROGRAM) == sum(len(manager.programs) for manager in MANAGERS)


@pytest.mark.parametrize("manager", MANAGERS, ids=lambda manager: manager.name)
def test_a_subcommand_does_one_thing(manager: Manager) -> None:
    kinds = (manager.install, manager.upgrade, manager.update, manager.clean)
    assert sum(map(len, kinds)) == len(frozenset[str]().union(*kinds))


def test_shells_are_not_taken_for_harmless() -> None:
    assert not KNOWN & {"sh", "bash", "dash", "su", "eval", "source", ".", "xargs", "sudo"}


NEEDS = {
    "apt-get install a": "a",
    "apt-get update && apt-get install a": "",
    "apt-get update; apt-get install a": "",
    "apt-get update || true; apt-get install a": "",
    "(apt-get update) && apt-get install a": "",
    "bash -c 'apt-get update && apt-get install a'": "",
    "bash -c 'apt-get install a'": "bash",
    "true || apt-get update; apt-get install a": "a",
    "[ -f x ] && apt-get update; apt-get install a": "a",
    "[ -f x ] && apt-get update && apt-get install a": "",
    "if x; then apt-get update; fi; apt-get install a": "x a",
    "if test x; then apt-get update && apt-get install a; fi": "",
    "apt-get update & apt-get install a": "a",
    "apt-get update && apt-get install a && rm -rf /var/lib/apt/lists/* && apt-get install b": "b",
    "apt-get remove a && apt-get purge b && apt-get clean && apt-mark auto c": "",
    "dpkg -i a.deb || apt-get install -f": "-f",
    "curl https://sh.rustup.rs | sh -s -- -y": "",
    "curl https://example.com/x.sh | sh": "sh",
    "bash <(curl https://example.com/x.sh)": "bash",
    'sh -c "$(curl https://example.com/x.sh)"': "sh",
    "curl https://deb.nodesource.com/setup_20.x | bash - && apt-get install a": "",
    "sh": "",
    "sh < x": "sh",
    "bash -n x.sh": "",
    "bash -o pipefail -c 'make'": "",
    "su app -c 'make'": "",
    "su app -c 'apt-get install a'": "su",
    ". ./x.sh": ".",
    ". /etc/os-release": "",
    "./x.sh": "./x.sh",
    "./configure && ./gradlew build && node_modules/.bin/tsc && python x.py": "",
    "f() { ./x.sh; }; f": "./x.sh",
    "chroot /mnt apt-get install a": "",
}


@pytest.mark.parametrize("text", NEEDS)
def test_finds_what_needs_package_lists(text: str) -> None:
    stage = models.read(f"FROM x\nRUN {text}\n").final
    events = events_of(stage.runs[0], APT)
    assert events is not None
    found = [event.place.command.words for event in needs(events)]
    names = [words[-1].text if words[0].text == "apt-get" else words[0].text for words in found]
    assert " ".join(names) == NEEDS[text]


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("apt-get update", "there"),
        ("apt-get update && rm -rf /var/lib/apt/lists/*", "gone"),
        ("apt-get update && rm -rf /var/lib/apt/lists/partial", "unknown"),
        ("if test x; then apt-get update; fi", "unknown"),
        ("make", "as before"),
        ("./x.sh", "unknown"),
        ("add-apt-repository ppa:a/b", "unknown"),
        ("./x.sh && apt-get update", "there"),
        ("apt-get install a && apt-get dist-clean", "gone"),
    ],
)
def test_knows_what_is_left_of_the_lists(text: str, state: str) -> None:
    events = events_of(models.read(f"FROM x\nRUN {text}\n").final.runs[0], APT)
    assert events is not None
    assert leaves(events) == state


SCRIPTS = """
X
X; A
A; X; B
A && X
A && X; B
A && X && B
A || X
A || X; B
A || X && B
X || A
X || A; B
X && A || B
{ X; }; A
{ A; X; }; B
{ A; X; } && B
(A; X) || B
if A; then X; fi
if A; then X; fi; B
if A; then X; else B; fi; B
if X; then A; else B; fi
if A; then B; X; fi && B
for i in 1 2; do X; done
for i in 1 2; do X; done; A
while X; do A; break; done; B
until X; do A; break; done
case a in a) X ;; esac; A
case a in b) A ;; *) X; B ;; esac
X | cat; A
A | X && B
! X; A
set -e; X
set -e; X; A
set -e; A; X; B
set -e; A && X; B
set -e; A || X; B
set -e; A && X
set -e; X || A; B
set -e && X && A
set -e; { X; }; A
set -e; { X; } && A
set -e; if A; then X; fi; B
set -e; (X); A
set -e; for i in 1 2; do X; done; A
set -e; if A; then X; fi
set -e; if A; then B; X; fi
set -e; if A; then X; B; fi
set -e; (A; X)
set -e; (X; A)
{ set -e; X; A; }; B
{ set -e; X; A; } && B
(set -e; X; A); B
(set -e; A; X)
set -e; for i in 1 2; do X; A; done
set -e; if A; then X && B; fi
set -e; case a in a) X; A ;; esac
set -e; while A; do X; B; break; done
A && X && B; A
set -e; { A; X; } && B
set -e; { A && X; } || B
. /dev/null; if A; then X; fi
. /dev/null; if A; then B && X; fi
[ A ] && X; B
A && { X; }; B
{ A || X; } && B
set -e; set +e; X; A
A; set -e; X; B
A && set -e; X; B
X; set -e; A
""".strip().split("\n")


def variants() -> Iterator[str]:
    """Every script with each of its commands succeeding and failing."""
    for script in SCRIPTS:
        for x, a, b in itertools.product(("ok", "no"), repeat=3):
            if ("B" in script or b == "ok") and ("A" in script or a == "ok"):
                yield script.replace("X", f"apt install {x}").replace("A", f"say a {a}").replace("B", f"say b {b}")


STUB = '{name}() {{ echo "{name} $*"; last=; for last; do :; done; [ "$last" != no ]; }}\n'
STUBS = "".join(STUB.format(name=name) for name in ("apt", "say", "clean"))


def run(scripts: list[str], shell_path: str) -> list[tuple[int, list[str]]]:
    """The exit status and the output of each script; each runs in a subshell of its own."""
    text = STUBS + "".join(f"(\n{script}\n)\necho == $?\n" for script in scripts)
    ended = subprocess.run([shell_path, "-c", text], capture_output=True, text=True, check=True, timeout=60)
    found: list[tuple[int, list[str]]] = []
    lines: list[str] = []
    for line in ended.stdout.split("\n")[:-1]:
        if line.startswith("== "):
            found.append((int(line[3:]), lines))
            lines = []
        else:
            lines.append(line)
    assert len(found) == len(scripts)
    return found


def edited(found: Reading, edit: ScriptEdit) -> str:
    return splice(found.script.text, [Edit(edit.start, edit.end, edit.text)])


def parsed(script: str) -> tuple[Reading, Placed]:
    found = reading(script)
    assert found is not None
    return found, next(each for each in found.commands if each.call is not None)


every_shell = pytest.mark.parametrize("shell_path", ["/bin/sh", "/bin/bash"])


@every_shell
def test_a_command_put_behind_runs_on_success_and_changes_nothing_else(shell_path: str) -> None:
    cases: list[tuple[str, str, bool]] = []
    for script in variants():
        found, place = parsed(script)
        steps = common([place])
        spot = behind(found, steps)
        if not isinstance(spot, str):
            text = edited(found, ScriptEdit(spot.at, spot.at, f" {spot.operator} clean"))
            cases.append((script, text, follows_one(steps, spot, [place])))
    assert len(cases) > 200
    before, after = run([script for script, _, _ in cases], shell_path), run([text for _, text, _ in cases], shell_path)
    for (_, text, proven), (status, trace), (new_status, lines) in zip(cases, before, after, strict=True):
        assert (new_status, [line for line in lines if line != "clean "]) == (status, trace), text
        if "apt install ok" in trace and status == 0:
            assert "clean " in lines, text
            assert lines.index("clean ") > lines.index("apt install ok"), text
        if proven and "clean " in lines:
            assert any("install" in line for line in lines[: lines.index("clean ")]), text


@every_shell
def test_a_command_put_in_front_runs_before_and_changes_nothing_else(shell_path: str) -> None:
    cases: list[tuple[str, str]] = []
    for script in variants():
        found, place = parsed(script)
        spot = in_front(found, common([place], first=True))
        if not isinstance(spot, str):
            cases.append((script, edited(found, ScriptEdit(spot.at, spot.at, f"clean {spot.operator} "))))
    assert len(cases) > 200
    before, after = run([script for script, _ in cases], shell_path), run([text for _, text in cases], shell_path)
    for (_, text), (status, trace), (new_status, lines) in zip(cases, before, after, strict=True):
        assert (new_status, [line for line in lines if line != "clean "]) == (status, trace), text
        if any("install" in line for line in trace):
            assert lines.index("clean ") < next(n for n, line in enumerate(lines) if "install" in line), text


@every_shell
def test_a_command_taken_out_takes_nothing_with_it(shell_path: str) -> None:
    cases: list[tuple[str, str]] = []
    for script in variants():
        found, place = parsed(script)
        ways = removals(found, place.steps[-1])
        if not isinstance(ways, str) and "install ok" in script:
            cases += ((script, edited(found, way)) for way in ways)
    assert len(cases) > 50
    before, after = run([script for script, _ in cases], shell_path), run([text for _, text in cases], shell_path)
    for (_, text), (status, trace), new in zip(cases, before, after, strict=True):
        assert new == (status, [line for line in trace if "install" not in line]), text


def test_a_failed_update_ends_a_script_under_errexit() -> None:
    """The update stands for the install that cannot work without it: nothing runs that did not run before."""
    cases: list[tuple[str, str]] = []
    for script in SCRIPTS:
        if not script.startswith("set -e"):
            continue
        text = script.replace("X", "apt install no").replace("A", "say a ok").replace("B", "say b ok")
        found, place = parsed(text)
        spot = in_front(found, common([place], first=True))
        if not isinstance(spot, str):
            cases.append((text, edited(found, ScriptEdit(spot.at, spot.at, f"clean no {spot.operator} "))))
    before, after = run([text for text, _ in cases], "/bin/sh"), run([text for _, text in cases], "/bin/sh")
    for (_, text), (status, trace), (new_status, lines) in zip(cases, before, after, strict=True):
        assert set(lines) - {"clean no"} <= set(trace), text
        assert not status or new_status, text


MINE = ("update_with_install", "clean_package_caches", "no_install_recommends")


@pytest.mark.parametrize("name", MINE)
def test_the_example_in_the_docs_is_true(name: str) -> None:
    page = type(registry.find(name)).__doc__ or ""
    blocks = [block.split("```")[0] for block in page.split("```dockerfile\n")[1:]]
    before, after = ("\n".join(line.removeprefix("    ") for line in block.split("\n")) for block in blocks)
    outcome = optimize(before, [registry.find(name)], suggested={name})
    assert outcome.after == after


@pytest.mark.parametrize("name", MINE)
def test_the_docs_have_their_sections(name: str) -> None:
    page = type(registry.find(name)).__doc__ or ""
    titles = [line.strip().removeprefix("## ") for line in page.split("\n") if line.strip().startswith("## ")]
    assert titles == ["What it does", "Why", "Example", "Instead", "When it refuses", "Safety"]


def fixes(text: str) -> list[Fix]:
    return [*optimize(text, [registry.find(name) for name in MINE]).fixes]


def test_a_fix_says_what_it_changes() -> None:
    (fix,) = fixes("FROM debian:12\nRUN apt-get update && apt-get install -y npm && npm ci\n")
    assert fix.adds == ("rm -rf /var/lib/apt/lists/*", "npm cache clean --force")
    assert fix.removes == ()
    assert fix.paths == ("/var/lib/apt/lists/**", "/root/.npm/**")
    assert fix.saves == "the package lists of apt and the cache of npm"


def test_a_later_install_gets_its_lists_in_the_same_fix() -> None:
    first, _ = fixes("FROM debian:12\nRUN apt-get update && apt-get install -y a\nRUN apt-get install -y b\n")
    assert first.claims == {1, 2}
    assert "line 3" in first.reason


def test_an_author_who_keeps_the_lists_for_a_later_install_keeps_them() -> None:
    text = (
        "FROM debian:12\nRUN apt-get update && apt-get install -y a\n"
        "# dockopt: ignore=clean_package_caches\nRUN apt-get install -y b\n"
    )
    assert fixes(text) == []
