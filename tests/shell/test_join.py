"""The table of semantics 2: what is joined how, and what is refused for which reason."""

from __future__ import annotations

import pytest

from optimizer.shell import JoinRefusal, Plan, Script, Shell, parse, plan, render

SH = Shell()
BASH = Shell("bash")
STRICT = Shell("bash", frozenset({"errexit", "pipefail"}))


def decide(scripts: tuple[str, ...], shell: Shell) -> tuple[list[Script], Plan | JoinRefusal]:
    read = [script for script in map(parse, scripts) if isinstance(script, Script)]
    assert len(read) == len(scripts)
    return read, plan(read, shell=shell)


@pytest.mark.parametrize(
    ("scripts", "joined"),
    [
        # chains, pipelines and single compound commands need nothing
        (("a", "b"), "a && b"),
        (("a && b", "c && d", "e"), "a && b && c && d && e"),
        ((" a ", " b "), "a && b"),
        (("a;", "b;"), "a && b;"),
        (("a | b", "c | d"), "a | b && c | d"),
        (("! a", "! b"), "! a && ! b"),
        (("if a; then b; fi", "case x in y) c;; esac"), "if a; then b; fi && case x in y) c;; esac"),
        (("(a; b)", "(c)"), "(a; b) && (c)"),
        (("{ a; }", "{ b; }"), "{ a; } && { b; }"),
        (("A=1 b", "c"), "A=1 b && c"),
        (("a > b", "c 2>&1"), "a > b && c 2>&1"),
        (("a", "b # c"), "a && b # c"),
        (("a\\ ", "b"), "a\\  && b"),
        # lists need a group
        (("a; b", "c"), "{ a; b; } && c"),
        (("a; b;", "c; d;"), "{ a; b; } && { c; d; }"),
        (("a || b", "c"), "{ a || b; } && c"),
        (("a", "b || c"), "a && { b || c; }"),
        (("a", "b; c", "d"), "a && { b; c; } && d"),
        (("a || exit 1", "b"), "{ a || exit 1; } && b"),
        (("{ a; }; b", "c"), "{ { a; }; b; } && c"),
        # what changes the shell needs a subshell, but for the last
        (("cd a && b", "c"), "( cd a && b ) && c"),
        (("a", "cd b && c"), "a && cd b && c"),
        (("a", "cd b; c"), "a && { cd b; c; }"),
        (("(cd a)", "b"), "(cd a) && b"),
        (("(cd a); X=1", "b"), "( (cd a); X=1 ) && b"),
        (("export A=1 && b", "c"), "( export A=1 && b ) && c"),
        (("A=$(b)", "c"), "( A=$(b) ) && c"),
        (("A=1 :", "c"), "( A=1 : ) && c"),
        (("! A=1", "b"), "( { ! A=1; } ) && b"),
        (("umask 027; a", "b"), "( umask 027; a ) && b"),
        (("for x in a; do b; done", "c"), "( for x in a; do b; done ) && c"),
        (("f() { a; }; f", "b"), "( f() { a; }; f ) && b"),
        (("a; exit 0", "b"), "( a; exit 0 ) && b"),
        (("exec a", "b"), "( exec a ) && b"),
        (("a", "exec b"), "a && exec b"),
        (("set -x; a", "b"), "( set -x; a ) && b"),
        (("set -u && a", "set -x && b"), "( set -u && a ) && set -x && b"),
        (("cd a | b", "c"), "cd a | b && c"),
        (("hash -r", "a"), "( hash -r ) && a"),
        (("a", "trap b EXIT; c"), "a && { trap b EXIT; c; }"),
        (("a", ". b && c"), "a && . b && c"),
        (("a", ". ./a && c"), "( a ) && . ./a && c"),
        (("mkdir a && cd $_", "b"), "( mkdir a && cd $_ ) && b"),
        # the place of a program is remembered, and another one may come to lie before it
        (("pip a", "pip b"), "pip a && pip b"),
        (("pip install -U pip==24", "pip b"), "( pip install -U pip==24 ) && pip b"),
        (("git a", "git clone https://x.example/y.git"), "git a && git clone https://x.example/y.git"),
        (("pip a | b", "pip install pip"), "pip a | b && pip install pip"),
        (("pip a", "c", "ln -s /x/pip /bin && pip b"), "( pip a ) && c && ln -s /x/pip /bin && pip b"),
        (("a", "cp *.x /usr/bin/ && a"), "( a ) && cp *.x /usr/bin/ && a"),
        (("apt-get a", "apt-get b"), "apt-get a && apt-get b"),
        (("a", "command -v a"), "( a ) && command -v a"),
        (("a", "$b"), "a && $b"),
        (("a # b", "c"), "a && c"),
        (("a", "b; c # d"), "a && { b; c; }"),
        # errexit
        (("set -e; a; b", "c && d"), "set -e; a; b; c && d"),
        (("set -e; a; b", "set -e; c; d"), "set -e; a; b; c; d"),
        (("set -eux; a; b;", "set -eux; c; d;", "set -eux; e"), "set -eux; a; b; c; d; e"),
        (("set -eux; cd a; b", "set -eux; c"), "set -eux; ( cd a; b ); c"),
        (("set -e; a; b && c", "set -e; d"), "set -e; ( a; b && c ); d"),
        (("set -e; a; ! b", "set -e; d"), "set -e; ( a; ! b ); d"),
        (("set -e; a; if b; then c; fi", "d"), "set -e; a; if b; then c; fi; d"),
        (("set -e; a; if b; then c && d; fi", "e"), "set -e; ( set -e; a; if b; then c && d; fi ); e"),
        (("set -e; a; b", "set -ex; c; d"), "set -e; a; b; set -ex; c; d"),
        (("set -ex; a; b", "set -e; c; d"), "set -e; ( set -ex; a; b ); set -e; c; d"),
        (("a", "set -e; b; c"), "a && { set -e; b; c; }"),
        (("a", "set -e; b; c", "d"), "set -e; a; set -e; b; c; d"),
        (("a && b", "set -e; c; d", "e"), "set -e; ( a && b ); set -e; c; d; e"),
        (("set -ex && a && b", "set -ex && c"), "set -ex && a && b && c"),
        (("set -ex; a && b", "set -ex; c; d"), "set -ex; a && b && { c; d; }"),
        (("set -e && a && b", "c; d"), "( set -e && a && b ) && { c; d; }"),
        (("set -x; set -e; a; b", "set -xe; c"), "set -x; set -e; a; b; c"),
        # lines of their own
        (("a\nb", "c"), "{ a\nb\n} && c"),
        (("a", "b\nc"), "a && { b\nc\n}"),
        (("cat <<E\n$a\nE", "b"), "{ cat <<E\n$a\nE\n} && b"),
        (("a", "cat <<E && b\nc\nE"), "a && cat <<E && b\nc\nE"),
        (("cd a\n# b\nc # d", "e"), "( cd a\n# b\nc # d\n) && e"),
        (("set -e\na\nb\n", "set -e\nc\nd\n"), "set -e\na\nb\nc\nd"),
    ],
)
def test_joined(scripts: tuple[str, ...], joined: str) -> None:
    read, found = decide(scripts, SH)
    assert isinstance(found, Plan), found
    assert render(read, found) == joined
    assert isinstance(parse(joined), Script)
    assert found.multiline == ("\n" in joined)
    assert [bool(part.reason) for part in found.parts] == [part.wrap != "plain" for part in found.parts]


@pytest.mark.parametrize(
    ("scripts", "shell", "joined"),
    [
        (("a; b", "c; d"), STRICT, "a; b; c; d"),
        (("a && b", "c || d"), STRICT, "a && b && { c || d; }"),
        (("set -o pipefail; a | b", "c"), STRICT, "{ set -o pipefail; a | b; } && c"),
        (("set -o pipefail; a | b", "c"), BASH, "( set -o pipefail; a | b ) && c"),
        (("set +e; a; b", "c"), STRICT, "( set +e; a; b ); c"),
        (("a; set +e; b", "c"), STRICT, "( a; set +e; b ); c"),
        (("a &> b", "c"), BASH, "a &> b && c"),
        (("[[ a && b ]]", "c"), BASH, "[[ a && b ]] && c"),
        (("[[ a == b ]]", "c"), SH, "[[ a == b ]] && c"),
        (("cat <<E\na\nE", "b"), BASH, "{ cat <<E\na\nE\n} && b"),
    ],
)
def test_joined_in_the_shell_that_is_set(scripts: tuple[str, ...], shell: Shell, joined: str) -> None:
    read, found = decide(scripts, shell)
    assert isinstance(found, Plan), found
    assert render(read, found) == joined


@pytest.mark.parametrize(
    ("scripts", "blamed", "reason"),
    [
        (("a &", "b"), 0, "`a` runs in the background"),
        (("a", "b & c"), 1, "`b` runs in the background"),
        (("(a &)", "b"), 0, "runs in the background"),
        (("a", "b $(c &)"), 1, "runs in the background"),
        (("a", "echo $?"), 1, "`$?` depends on the process"),
        (("a", "b; echo $_"), 1, "`$_` depends on the process"),
        (("a > /tmp/$$", "b"), 0, "`$$` depends on the process"),
        (("a", "echo $0"), 1, "`$0` depends on the process"),
        (("wait", "a"), 0, "depends on the shell's jobs"),
        (("alias a=b", "c"), 0, "sets an alias"),
        (("a", "alias a=b"), 1, "sets an alias"),
        (("trap a EXIT", "b"), 0, "sets a trap"),
        (("a", "(set -o nosuch)"), 1, "is an error to some shells"),
        (("a; return 0", "b"), 0, "is an error to some shells"),
        ((". ./a", "b"), 0, "runs a file in the shell itself"),
        (("eval a", "b"), 0, "runs text that is not known"),
        (("$a b", "c"), 0, "whose name is not known"),
        (("# a", "b"), 0, "holds no command"),
        (("a", "-x"), 1, "takes its first word for an option"),
        (("a &> b", "c"), 0, "bash and sh read &> differently"),
        (("[[ a && b ]]", "c"), 0, "bash and sh read [[ differently"),
        (("echo `a \\`b\\``", "c"), 0, "behind backslashes"),
        (("set -e; a; b", "c; d"), 1, "another script needs `set -e`"),
        (("set -e; a; b", "c", "d || e; f"), 2, "another script needs `set -e`"),
        (("set -e; a; b", "echo $(c; d)"), 1, "another script needs `set -e`"),
        (("a; set -e; b; c", "d"), 0, "another script needs `set -e`"),
        (("(set -e; a; b)", "c"), 0, "another script needs `set -e`"),
        (("a " * 40_000, "b " * 40_000), 1, "argument of a shell"),
    ],
)
def test_refused(scripts: tuple[str, ...], blamed: int, reason: str) -> None:
    _, found = decide(scripts, SH)
    assert isinstance(found, JoinRefusal), found
    assert found.script == blamed
    assert found.reason.startswith("semantics 2: ")
    assert reason in found.reason


@pytest.mark.parametrize("scripts", [("a\nb", "c"), ("a", "b\nc"), ("a; b", "cat <<E\nc\nE")])
def test_refuses_lines_of_which_bash_may_drop_one(scripts: tuple[str, ...]) -> None:
    _, found = decide(scripts, STRICT)
    assert isinstance(found, JoinRefusal)
    assert "goes on with the next" in found.reason


def test_refuses_a_shell_that_reads_start_up_files() -> None:
    _, found = decide(("a", "b"), Shell("bash", startup_files=True))
    assert isinstance(found, JoinRefusal)
    assert "start-up files" in found.reason
