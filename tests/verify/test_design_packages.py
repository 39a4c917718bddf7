"""What may be gone of the packages of Python and Node, and where they may go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.verify.designs import Case, failing
from tests.verify.images import Item, file, folder, program, symlink
from tests.verify.systems import without

SITE = "/usr/local/lib/python3.11/site-packages"
VENV = "/opt/venv/lib/python3.11/site-packages"
MODULES = "/app/node_modules"
APP = {"/app/main": program("1")}


def dist(name: str, site: str = SITE, *needs: str, asked: bool = False, version: str = "1.0") -> dict[str, Item]:
    """A distribution, as pip installs it, with a program."""
    prefix = site.split("/lib/")[0]
    info = f"{site}/{name}-{version}.dist-info"
    found = {
        info: folder(), f"{site}/{name}/__init__.py": file(name), f"{site}/{name}/data.json": file("{}"),
        f"{info}/RECORD": file(f'{name}/__init__.py,,\n{name}/data.json,,\n../../../bin/{name},,\n"{info}/RECORD",,\n'
                               + f"{name}-{version}.dist-info/METADATA,,\n" + "x" * (len(prefix) % 3)),
        f"{info}/METADATA": file("Name: x\n" + "".join(f"Requires-Dist: {need}\n" for need in needs) + "\nText\n"),
        f"{prefix}/bin/{name}": program(f"#!{prefix}/bin/python\nimport {name}\n"),
    }  # fmt: skip
    if asked:
        found[f"{info}/REQUESTED"] = file()
    return found


TOOL = {**dist("tool", SITE, "dep (>=1)", 'more; extra == "x"', asked=True), **dist("dep"), **dist("more")}
FLASK = dist("flask", asked=True)
NEEDING = dist(
    "flask", SITE, 'dep; python_version < "3.10" and extra != ""', 'more; python_version >= "3.9"', asked=True
)
IN_VENV = {
    "/usr/local": folder(),
    "/opt/venv/pyvenv.cfg": file("home = /usr/local/bin\n"),
    **dist("flask", VENV, asked=True),
}
RECORDED = f"{SITE}/flask-1.0.dist-info"
NOT_DECLARED = [
    path for path in FLASK if not path.endswith("/bin/flask")
] + [SITE, f"{SITE}/flask", "/usr/local/bin", "/usr/local/bin/flask", "/usr/local/lib",
     "/usr/local/lib/python3.11"]  # fmt: skip
PYTHON: dict[str, Case] = {
    "a tool with what came with it": Case(TOOL, {}, ["/**/site-packages/tool-*.dist-info"]),
    "a distribution that came with the tool, and that somebody wanted": Case(
        {**FLASK, **TOOL, **dist("dep", asked=True)},
        {**FLASK, SITE + "/dep": folder()},
        ["/**/tool-*.dist-info"],
        [path for path in dist("dep", asked=True) if path != f"{SITE}/dep"],
    ),
    "a distribution that another one needs": Case(
        {**dist("flask", SITE, "Dep", asked=True), **TOOL},
        {**dist("flask", SITE, "Dep", asked=True), f"{SITE}/dep": folder()},
        ["/**/tool-*.dist-info"],
        list(dist("dep")),
    ),
    "a distribution that another one may need": Case(
        {**dist("flask", SITE, 'dep; extra == "y"', asked=True), **TOOL},
        dist("flask", SITE, 'dep; extra == "y"', asked=True),
        ["/**/tool-*.dist-info"],
    ),
    "a distribution that only another Python needs": Case(
        {**NEEDING, **TOOL}, NEEDING, ["/**/tool-*.dist-info"], [*dist("more"), f"{SITE}/more"]
    ),
    "the installers": Case(
        {**FLASK, **dist("pip", version="9")}, {**FLASK, **dist("pip", version="8")}, [f"{SITE}/pip-8*"]
    ),
    "another setuptools": Case(
        {**FLASK, **dist("setuptools", version="9")},
        {**IN_VENV, **dist("setuptools", VENV, version="8"), f"{SITE}/setuptools": folder()},
        ["/opt/venv"],
    ),
    "no setuptools": Case(
        {**FLASK, **dist("setuptools", version="9")},
        {**FLASK, f"{SITE}/setuptools": folder()},
        [],
        list(dist("setuptools", version="9")),
    ),
    "packages in an environment": Case(FLASK, IN_VENV, ["/opt/venv"]),
    "packages in an environment that is not declared": Case(
        FLASK,
        IN_VENV,
        [],
        [
            *NOT_DECLARED,
            *without(IN_VENV, "/usr"),
            "/opt",
            "/opt/venv",
            "/opt/venv/bin",
            "/opt/venv/lib",
            "/opt/venv/lib/python3.11",
            VENV,
            f"{VENV}/flask",
        ],
    ),
    "a data file on the way": Case(
        FLASK, without(IN_VENV, f"{VENV}/flask/data.json"), ["/opt/venv"], [f"{SITE}/flask/data.json"]
    ),
    "a distribution on the way": Case(
        {**FLASK, **dist("dep")}, {**IN_VENV, f"{VENV}/dep": folder()}, ["/opt/venv"], list(dist("dep"))
    ),
    "another version": Case(
        FLASK,
        {**without(IN_VENV, *(path for path in IN_VENV if ".dist-info" in path)), **dist("flask", VENV, version="2")},
        ["/opt/venv"],
        [path for path in FLASK if ".dist-info" in path],
    ),
    "another program": Case(
        FLASK,
        {**IN_VENV, "/opt/venv/bin/flask": program("#!/opt/venv/bin/python\nimport other\n")},
        ["/opt/venv"],
        ["/usr/local/bin/flask"],
    ),
    "the mode of a program": Case(
        FLASK,
        {**IN_VENV, "/opt/venv/bin/flask": file("#!/opt/venv/bin/python\nimport flask\n")},
        ["/opt/venv"],
        ["/usr/local/bin/flask"],
    ),
    "a header": Case(
        {**FLASK, "/usr/local/include/python3.11/x.h": file()},
        {**IN_VENV, "/opt/venv/include/site/python3.11/x.h": file()},
        ["/opt/venv"],
    ),
}


def manifest(**fields: Any) -> Item:
    return file(json.dumps(fields))


def module(name: str, at: str = MODULES, **fields: Any) -> dict[str, Item]:
    return {f"{at}/{name}/package.json": manifest(name=name, **fields), f"{at}/{name}/index.js": file(name)}


PROJECT = {
    "/app/package.json": manifest(dependencies={"a": "1"}, devDependencies={"lint": "1"}),
    f"{MODULES}/.package-lock.json": file("all"), **module("a", dependencies={"b": "1", "@c/d": "1"}), **module("b"),
    **module("@c/d"),
}  # fmt: skip
LINT = {
    **module("lint", dependencies={"b": "1", "e": "1"}), **module("e", peerDependencies={"lint": "1"}),
    f"{MODULES}/.bin/lint": symlink("../lint/index.js"),
}  # fmt: skip
HELD = {f"{MODULES}/lint/test/node_modules/x.js": file(), **module("own", f"{MODULES}/lint/test/node_modules")}
PRUNED = {**PROJECT, f"{MODULES}/.package-lock.json": file("fewer")}
DEV = [f"{MODULES}/lint"]
PNPM = {
    "/app/package.json": PROJECT["/app/package.json"], f"{MODULES}/a": symlink(".pnpm/a@1/node_modules/a"),
    f"{MODULES}/lint": symlink(".pnpm/lint@1/node_modules/lint"),
    **module("a", f"{MODULES}/.pnpm/a@1/node_modules", dependencies={"b": "1"}),
    **module("b", f"{MODULES}/.pnpm/b@1/node_modules"),
    f"{MODULES}/.pnpm/a@1/node_modules/b": symlink("../../b@1/node_modules/b"),
}  # fmt: skip
PNPM_LINT = {
    **module("lint", f"{MODULES}/.pnpm/lint@1/node_modules", dependencies={"e": "1"}),
    f"{MODULES}/.pnpm/lint@1/node_modules/e": symlink("../../e@1/node_modules/e"),
    **module("e", f"{MODULES}/.pnpm/e@1/node_modules"), f"{MODULES}/.modules.yaml": file("all"),
}  # fmt: skip
PNPM_STARTS = {
    **PNPM, f"{MODULES}/.bin/a": program("#!/bin/sh\nexec node a\n"), f"{MODULES}/.pnpm/lock.yaml": file("all"),
    **module("a", f"{MODULES}/.pnpm/a@1/node_modules", dependencies={"b": "1"}, bin="index.js"),
}  # fmt: skip
PNPM_LINT_STARTS = {
    **PNPM_LINT,
    **module("lint", f"{MODULES}/.pnpm/lint@1/node_modules", dependencies={"e": "1"}, bin={"check": "index.js"}),
    f"{MODULES}/.bin/check": program("#!/bin/sh\nexec node lint\n"),
    f"{MODULES}/.pnpm/lint@1/node_modules/lint/node_modules/.bin/e": program("#!/bin/sh\nexec node e\n"),
}  # fmt: skip
NODE: dict[str, Case] = {
    "packages for development": Case({**PROJECT, **LINT}, PRUNED, DEV),
    "what lies in a package for development": Case({**PROJECT, **LINT, **HELD}, PRUNED, DEV),
    "what lies in a package of production": Case(
        {**PROJECT, **module("own", f"{MODULES}/a/node_modules")},
        PRUNED,
        DEV,
        [*module("own", f"{MODULES}/a/node_modules"), f"{MODULES}/a/node_modules", f"{MODULES}/a/node_modules/own"],
    ),
    "packages for development that are not declared": Case(
        {**PROJECT, **LINT},
        PRUNED,
        [],
        [*LINT, f"{MODULES}/.bin", f"{MODULES}/lint", f"{MODULES}/e"],
    ),
    "a package of production": Case(
        {**PROJECT, **LINT}, without(PRUNED, f"{MODULES}/a"), DEV, [*module("a"), f"{MODULES}/a"]
    ),
    "a package that one of production needs": Case(
        {**PROJECT, **LINT}, without(PRUNED, f"{MODULES}/b"), DEV, [*module("b"), f"{MODULES}/b"]
    ),
    "a package of a scope": Case(
        {**PROJECT, **LINT},
        without(PRUNED, f"{MODULES}/@c"),
        DEV,
        [*module("@c/d"), f"{MODULES}/@c", f"{MODULES}/@c/d"],
    ),
    "a file of a package": Case(
        {**PROJECT, **LINT}, without(PRUNED, f"{MODULES}/b/index.js"), DEV, [f"{MODULES}/b/index.js"]
    ),
    "pnpm's packages for development": Case({**PNPM, **PNPM_LINT}, without(PNPM, f"{MODULES}/lint"), [*DEV]),
    "pnpm's scripts that start packages for development": Case(
        {**PNPM_STARTS, **PNPM_LINT_STARTS},
        {**without(PNPM_STARTS, f"{MODULES}/lint"), f"{MODULES}/.pnpm/lock.yaml": file("fewer")},
        DEV,
    ),
    "pnpm's script that starts a package of production": Case(
        {**PNPM_STARTS, **PNPM_LINT_STARTS},
        without(PNPM_STARTS, f"{MODULES}/.bin/a"),
        DEV,
        [f"{MODULES}/.bin", f"{MODULES}/.bin/a"],
    ),
    "a package of production with pnpm": Case(
        {**PNPM, **PNPM_LINT},
        without({**PNPM, **PNPM_LINT}, f"{MODULES}/.pnpm/b@1"),
        DEV,
        [
            f"{MODULES}/.pnpm/b@1",
            f"{MODULES}/.pnpm/b@1/node_modules",
            f"{MODULES}/.pnpm/b@1/node_modules/b",
            *module("b", f"{MODULES}/.pnpm/b@1/node_modules"),
        ],
    ),
    "a package for all that is declared": Case(
        module("tsc", "/usr/local/lib/node_modules", dependencies={"x": "1"}), {}, ["/usr/local/lib/node_modules/tsc"]
    ),
    "a package for all that is not": Case(
        {**module("tsc", "/usr/lib/node_modules"), **APP},
        {**APP, "/usr/lib/node_modules": folder()},
        [],
        [*module("tsc", "/usr/lib/node_modules"), "/usr/lib/node_modules/tsc"],
    ),
    "a project without a manifest": Case(
        module("a"), {"/app/node_modules": folder()}, [], [*module("a"), f"{MODULES}/a"]
    ),
}
CASES = {f"python: {name}": case for name, case in PYTHON.items()} | {
    f"node: {name}": case for name, case in NODE.items()
}


@pytest.mark.parametrize("name", CASES)
def test_packages_go_only_with_those_that_they_came_with(name: str) -> None:
    assert failing(CASES[name]) == sorted(CASES[name].fails)
