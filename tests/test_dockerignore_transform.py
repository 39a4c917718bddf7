from __future__ import annotations

from pathlib import Path

import pytest

from optimizer import registry
from optimizer.context import BuildContext, DirectoryContext, MemoryContext
from optimizer.engine import Outcome, optimize

NAME = "dockerignore"


def run(text: str, files: dict[str, str] | BuildContext) -> Outcome:
    context = MemoryContext(files) if isinstance(files, dict) else files
    return optimize(text, [registry.find(NAME)], suggested={NAME}, context=context)


def lines(text: str, files: dict[str, str]) -> list[str]:
    """What .dockerignore becomes."""
    companions = run(text, files).companions
    return companions[0].text.splitlines() if companions else []


ALL = "FROM scratch\nCOPY . /app\n"


@pytest.mark.parametrize(
    ("text", "files", "reason"),
    [
        (ALL, {}, None),
        ("FROM a\nCOPY . /app\nRUN git clone https://a/b.git && git config x y\n", {}, None),
        ("FROM a\nCOPY . /app\nRUN sudo git -C /app rev-parse HEAD\n", {}, "line 3 calls git"),
        ("FROM a\nCOPY . /app\nRUN [\"git\", \"status\"]\n", {}, "line 3 calls git"),
        ("FROM a\nCOPY . /app\nRUN x; if git diff\n", {}, "line 3 calls git"),
        ("FROM a\nCOPY . /app\nRUN cat /app/.git/HEAD\n", {}, "line 3 names it"),
        ("FROM a\nCOPY . /app\nRUN pip install setuptools_scm\n", {}, "line 3 names setuptools_scm"),
        ("FROM a\nCOPY .git/HEAD /head\nCOPY . /app\n", {}, "line 2 names it"),
        (ALL, {"pyproject.toml": '[build-system]\nrequires = ["hatch-vcs"]\n'}, "pyproject.toml names hatch-vcs"),
        (ALL, {"package.json": '{"scripts": {"build": "git rev-parse HEAD > v"}}'}, "package.json names git rev-parse"),
        (ALL, {"x.gemspec": "`git ls-files`"}, "x.gemspec names git ls-files"),
    ],
)  # fmt: skip
def test_history_is_kept_where_something_reads_it(text: str, files: dict[str, str], reason: str | None) -> None:
    outcome = run(text, {".git/HEAD": "", "app.py": "", **files})
    assert outcome.after == text
    if reason is None:
        assert outcome.companions[0].text.splitlines() == [".git", ".dockerignore"]
    else:
        assert not outcome.companions
        assert [reason in each.reason for each in outcome.refusals] == [True], outcome.refusals


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ".git\n.dockerignore\n"),
        ("*.log", "*.log\n.git\n.dockerignore\n"),
        ("# a\r\n*.log\r\n", "# a\r\n*.log\r\n.git\r\n.dockerignore\r\n"),
        ("\ufeff*.log\n\n", "\ufeff*.log\n\n.git\n.dockerignore\n"),
        (".dockerignore\n.git\n", None),
        (".*\n", None),
        ("**/.git\n.docker*\n", None),
        ("*\n!app.py\n", None),
        ("[\n", None),
    ],
)
def test_rules_in_force_are_completed_and_never_changed(before: str, after: str | None) -> None:
    companions = run(ALL, {".git/HEAD": "", "app.py": "", ".dockerignore": before}).companions
    assert [each.text for each in companions] == ([] if after is None else [after])


def test_the_rules_of_this_dockerfile_go_first() -> None:
    files = {".git/HEAD": "", "a": "", "Dockerfile.dockerignore": ".dockerignore\n", ".dockerignore": "*\n"}
    (companion,) = run(ALL, files).companions
    assert companion.path == "Dockerfile.dockerignore"
    assert companion.text == ".dockerignore\n.git\nDockerfile.dockerignore\n"


def test_rules_outside_of_the_context_are_completed_there(tmp_path: Path) -> None:
    context = tmp_path / "context"
    (context / ".git").mkdir(parents=True)
    (context / ".git" / "HEAD").touch()
    (tmp_path / "D").write_text(ALL)
    (tmp_path / "D.dockerignore").write_text("x\n")
    (companion,) = run(ALL, DirectoryContext(context, tmp_path / "D")).companions
    assert (companion.path, companion.text) == ("../D.dockerignore", "x\n.git\n")


def test_a_folder_that_is_copied_whole_counts_and_what_lies_beside_it_does_not() -> None:
    files = {"src/.git/HEAD": "", ".git/HEAD": "", "src/a/__pycache__/b.pyc": "", "__pycache__/c.pyc": ""}
    assert lines("FROM a\nCOPY src /app/\n", files) == ["**/.git", "**/__pycache__"]
    assert lines("FROM a\nCOPY src/* /app/\n", files) == ["**/.git", "**/__pycache__"]
    assert lines("FROM a\nCOPY src/main.* /app/\n", files) == []
    assert lines("FROM a\nRUN --mount=type=bind,target=/s make\n", files) == []


NODE = "FROM node:20-slim\nWORKDIR /app\nCOPY . .\n{}\n"


@pytest.mark.parametrize(
    ("command", "ignored"),
    [
        ("RUN npm ci && npm run build", ["node_modules", "dist"]),
        ("RUN npm ci", ["node_modules"]),
        ("RUN yarn && yarn build", ["node_modules", "dist"]),
        ("RUN npx tsc", []),
        ("RUN npm ci && tsc", ["node_modules", "dist"]),
        ("COPY --from=build /app/node_modules node_modules", ["node_modules"]),
        ('CMD ["node", "dist/index.js"]', []),
    ],
)
def test_what_a_build_writes_is_ignored_where_the_image_builds_it(command: str, ignored: list[str]) -> None:
    files = {
        "package.json": "{}",
        "node_modules/a/b": "",
        "dist/index.js": "",
        ".gitignore": "dist/\n",
        ".dockerignore": "",
    }
    found = lines(f"FROM scratch AS build\n{NODE.format(command)}", files)
    assert [line for line in found if line != ".dockerignore"] == ignored


def test_build_output_that_git_keeps_is_kept() -> None:
    files = {"package.json": "{}", "dist/index.js": "", ".dockerignore": ".dockerignore"}
    text = NODE.format("RUN npm run build")
    assert lines(text, {**files, ".gitignore": "*.log\n"}) == []
    assert lines(text, {**files, ".gitignore": "dist\n!dist/index.js\n"}) == []
    assert lines(text, {**files, ".gitignore": "dist\n"}) == [".dockerignore", "dist"]


def test_without_a_context_there_is_nothing_to_say() -> None:
    outcome = optimize(ALL, [registry.find(NAME)], suggested={NAME})
    assert (outcome.companions, outcome.refusals, outcome.suggestions) == ((), (), ())


def test_it_is_suggested_only() -> None:
    outcome = optimize(ALL, [registry.find(NAME)], context=MemoryContext({".git/HEAD": ""}))
    assert not outcome.companions
    (suggestion,) = outcome.suggestions
    assert suggestion.paths == ("/app/.git",)
