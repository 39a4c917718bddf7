"""Joined scripts do what the scripts do apart: both are run, and everything that a build could see is compared."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from optimizer.shell import JoinRefusal, Script, Shell, parse, plan, render
from tests.shell.family import bodies
from tests.shell.running import Case, outcomes

SHELLS = {
    "dash": (("dash", "-c"), Shell()),
    "bash-as-sh": (("bash", "--posix", "-c"), Shell()),
    "bash": (("bash", "-c"), Shell("bash")),
    "bash-strict": (("bash", "-e", "-o", "pipefail", "-c"), Shell("bash", frozenset({"errexit", "pipefail"}))),
}
BATCH = 40
BATCHES = {"dash": 46, "bash-as-sh": 26, "bash": 26, "bash-strict": 26}  # about 5,000 groups, of which 2,300 join
WITHOUT_SHRINKING = (Phase.explicit, Phase.generate)  # a smaller batch is no smaller case

Joiner = Callable[[Sequence[str], Shell], str | None]
groups = st.lists(st.lists(bodies, min_size=2, max_size=3), min_size=BATCH, max_size=BATCH)


def careful(scripts: Sequence[str], shell: Shell) -> str | None:
    """Ours; None where it refuses, which needs a reason."""
    read = [script for script in map(parse, scripts) if isinstance(script, Script)]
    if len(read) < len(scripts):
        return None
    found = plan(read, shell=shell)
    if isinstance(found, JoinRefusal):
        assert found.reason.startswith("semantics 2: ")
        assert 0 <= found.script < len(scripts)
        return None
    return render(read, found)


def naive(scripts: Sequence[str], shell: Shell) -> str | None:
    return " && ".join(scripts)


def differences(join: Joiner, batch: Sequence[Sequence[str]], name: str) -> tuple[list[Case], int]:
    """The cases whose meaning changed when joined, and how many were joined at all."""
    command, shell = SHELLS[name]
    joined = [(scripts, join(scripts, shell)) for scripts in batch]
    cases = [Case(tuple(scripts), text) for scripts, text in joined if text is not None]
    with tempfile.TemporaryDirectory() as folder:
        ran = outcomes(cases, command, Path(folder))
    return [case for case, (apart, one) in zip(cases, ran, strict=True) if apart != one], len(cases)


@pytest.mark.parametrize("name", SHELLS)
def test_joined_scripts_mean_the_same(name: str) -> None:
    counted: Counter[str] = Counter()

    @settings(max_examples=BATCHES[name], phases=WITHOUT_SHRINKING, suppress_health_check=list(HealthCheck))
    @given(groups)
    def check(batch: list[list[str]]) -> None:
        different, joined = differences(careful, batch, name)
        counted.update(joined=joined, all=len(batch))
        assert min(different, key=lambda case: len(case.joined), default=None) is None

    check()
    print(f"\n{name}: {counted['joined']} of {counted['all']} joined, run and found equal")
    assert counted["joined"] > 0.3 * counted["all"]


def test_a_naive_joiner_is_caught() -> None:
    found: list[Case] = []

    @settings(max_examples=4, phases=WITHOUT_SHRINKING, suppress_health_check=list(HealthCheck))
    @given(groups)
    def collect(batch: list[list[str]]) -> None:
        found.extend(differences(naive, batch, "dash")[0])

    collect()
    print(f"\n{len(found)} naive joins were caught")
    assert len(found) > 20


TABLE = (
    ("a_cd", ("cd d && : > x", ": > y")),
    ("a_or", ("true || true", "echo b")),
    ("a_or_fails", ("false || false", "echo b")),
    ("b_or", ("false", "true || echo b")),
    ("a_list", ("false; true", "echo b")),
    ("a_list_fails", ("true; false", "echo b")),
    ("b_list", ("false", "true; echo b")),
    ("a_variable", ("V=1 && export V", 'echo "${V-none}"')),
    ("a_special", ("V=1 :", 'echo "${V-none}"')),
    ("a_umask", ("umask 077", ": > x")),
    ("a_exit", ("echo a; exit 0", "echo b")),
    ("a_exec", ("exec true", "echo b")),
    ("a_redirects", ("exec > f; echo a", "echo b")),
    ("a_errexit", ("set -e; false; echo a", "echo b")),
    ("a_errexit_last", ("set -e; echo a; false && true", "echo b")),
    ("a_errexit_leaks", ("set -e && true", "false; echo b")),
    ("a_errexit_loop", ("set -e; for i in 1 2; do echo $i; false; done", "echo b")),
    ("b_errexit", ("true", "set -e; false; echo b")),
    ("shared_errexit", ("set -e; cd d; : > x", "set -e; : > y; false; : > z")),
    ("a_nounset", ("set -u && true", "echo $NOT; echo b")),
    ("a_noglob", ("set -f; true", "echo *")),
    ("a_function", ("tool() { echo mine; }; tool", "tool")),
    ("a_remembers", ("tool && echo 'echo one' > p1/tool && chmod +x p1/tool", "tool")),
    ("a_pipeline", ("true | cd d", ": > x")),
    ("a_negated", ("! true", "echo b")),
    ("a_gives_up", ("! { V=1; : ${N:?unset}; }", "echo b")),
    ("a_if", ("if false; then false; fi", "echo b")),
    ("a_heredoc", ("cat <<E > f\n$((1+1)) }\nE", "cat f")),
    ("b_heredoc", ("false", "cat <<E\nb\nE")),
    ("a_lines", ("cd d && # note\n: > x", ": > y")),
    ("a_positional", ("set -- 1 2", "echo $#")),
    ("a_for", ("for V in 1 2; do :; done", "echo ${V-none}")),
    ("a_default", (": ${V:=1}", "echo ${V-none}")),
    ("a_substitution", ("V=$(false)", "echo b")),
    ("b_trap", ("false", "trap 'echo bye' EXIT; true")),
    ("three", ("cd d; : > a", "false || : > b", "set -e; : > c; false; : > d")),
)

# Where ` && ` between the two is right: && and || bind alike and from the left, and these begin with no list.
RIGHT_BY_LUCK = {"a_or", "a_or_fails", "a_list", "a_list_fails", "a_errexit", "a_errexit_last", "a_substitution"}
RIGHT_BY_LUCK |= {"a_pipeline", "a_negated", "a_if", "a_gives_up", "b_errexit", "b_heredoc"}


@pytest.mark.parametrize("name", SHELLS)
def test_each_row_of_the_table_is_joined_and_means_the_same(name: str) -> None:
    different, joined = differences(careful, [scripts for _, scripts in TABLE], name)
    assert different == []
    assert joined == len(TABLE)


def test_the_rows_that_a_naive_joiner_gets_wrong() -> None:
    different, _ = differences(naive, [scripts for _, scripts in TABLE], "dash")
    wrong = {case.scripts for case in different}
    assert {name for name, scripts in TABLE if scripts not in wrong} == RIGHT_BY_LUCK
