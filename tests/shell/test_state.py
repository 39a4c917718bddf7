"""What a script changes in its shell, where, and what it reads of its process."""

from __future__ import annotations

import pytest

from optimizer.shell import Script, effects, parse, programs, uses


def read(text: str) -> Script:
    script = parse(text)
    assert isinstance(script, Script), script
    return script


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("cd /a", [("directory", None, "/a")]),
        ("cd", [("directory", None, None)]),
        ("cd -P /a", [("directory", None, "/a")]),
        ('cd "$a"', [("directory", None, None)]),
        ("\\cd /a; 'cd' /b; command cd /c; builtin cd /d", [("directory", None, f"/{x}") for x in "abcd"]),
        ("pushd a; popd", [("directory", None, "a"), ("directory", None, None)]),
        ("command -v cd", []),
        ("a=1", [("variable", "a", "1")]),
        ("a=1 b=$c", [("variable", "a", "1"), ("variable", "b", None)]),
        ("a=1 b", []),
        ("a=1 :", [("variable", "a", "1")]),
        ("a=1 export b=2", [("variable", "a", "1"), ("variable", "b", "2")]),
        ("a=1 $b", [("variable", "a", "1"), ("unknown", None, None)]),
        ("f() { b; }; a=1 f", [("function", "f", None), ("variable", "a", "1")]),
        ("export a=1 b", [("variable", "a", "1"), ("variable", "b", None)]),
        ("export a=$b c=(d)", [("variable", "a", None), ("variable", "c", None)]),
        ("export -p; export", []),
        ("export -f f", [("function", "f", None)]),
        ("readonly a=1", [("variable", "a", "1")]),
        ("declare -a a=(1)", [("variable", "a", None)]),
        ("f() { local a=1; declare b=2; export c=3; }", [("function", "f", None), ("variable", "c", "3")]),
        ("read a b", [("variable", "a", None), ("variable", "b", None)]),
        ("read", [("variable", None, None)]),
        ("while read a; do b; done", [("variable", "a", None)]),
        ("unset a", [("variable", "a", None)]),
        ("getopts ab: o", [("variable", "o", None)]),
        ("printf -v a b", [("variable", "a", None)]),
        ("printf a", []),
        ("mapfile a", [("variable", "a", None)]),
        ("let a=1", [("variable", None, None)]),
        ("((a=1))", [("variable", None, None)]),
        ("((a==1))", []),
        ("echo $((a+=1)) $((b++)) $((c<=1))", [("variable", None, None)] * 2),
        (": ${a:=b} ${c=d} ${e:-f}", [("variable", "a", None), ("variable", "c", None)]),
        ('echo "${a:-${b:=c}}" >"${d:=e}"', [("variable", "b", None), ("variable", "d", None)]),
        ("cat <<E\n${a:=b}\nE", [("variable", "a", None)]),
        ("for a in b; do c; done", [("variable", "a", None)]),
        ("[[ a =~ b ]]", [("variable", "BASH_REMATCH", None)]),
        ("umask 077", [("umask", None, None)]),
        ("umask; umask -S", []),
        ("ulimit -n 5", [("ulimit", None, None)]),
        ("ulimit -a", []),
        ("set -eu", [("option", "errexit", "on"), ("option", "nounset", "on")]),
        (
            "set -e -o pipefail +x",
            [("option", n, v) for n, v in (("errexit", "on"), ("pipefail", "on"), ("xtrace", "off"))],
        ),
        ("set -exo pipefail", [("option", n, "on") for n in ("errexit", "xtrace", "pipefail")]),
        ("set -- a", [("positional", None, None)]),
        ("set a", [("positional", None, None)]),
        ("set -e a", [("option", "errexit", "on"), ("positional", None, None)]),
        ("set", []),
        ("set $a", [("unknown", None, None), ("positional", None, None)]),
        ("set -n", [("unknown", None, None)]),
        ("shift", [("positional", None, None)]),
        ("shopt -s extglob", [("option", "extglob", "on")]),
        ("shopt extglob", []),
        ("alias a=b; unalias a", [("alias", None, None)] * 2),
        ("f() { cd a; }", [("function", "f", None), ("directory", None, "a")]),
        (". ./a", [("source", None, "./a")]),
        ("source $a", [("source", None, None)]),
        ("trap 'a' EXIT", [("trap", None, None)]),
        ("trap -p", []),
        ("exit", [("ends", None, None)]),
        ("exit 3", [("ends", None, "3")]),
        ("exec a", [("ends", None, None)]),
        ("exec >a", [("redirection", None, None)]),
        ("exec", []),
        ("return", [("ends", None, None)]),
        ("f() { return 1; }", [("function", "f", None)]),
        ("break; for a in b; do break; continue; done", [("ends", None, None), ("variable", "a", None)]),
        ("hash -r", [("hash", None, None)]),
        ("eval a", [("unknown", None, None)]),
        ("$a b", [("unknown", None, None)]),
        ("$(a) b", [("unknown", None, None)]),
        ('"$a"', [("unknown", None, None)]),
        ("$a/b c; ~/d; ./*.sh", []),
        ("a {b}>c", [("redirection", "b", None)]),
        ("enable -n a", [("unknown", None, None)]),
        # where it happens
        ("{ cd a; }", [("directory", None, "a")]),
        ("if cd a; then cd b; else cd c; fi", [("directory", None, x) for x in "abc"]),
        ("while cd a; do cd b; done; case x in y) cd c;; esac", [("directory", None, x) for x in "abc"]),
        ("a && cd b || cd c", [("directory", None, x) for x in "bc"]),
        ("! cd a", [("directory", None, "a")]),
        ("(cd a; b=1); $(cd a)/b; cd a | b; b | cd a; cd a & echo `cd a` <(cd a)", []),
        ("(cd a) && { (cd b); }", []),
        ("sudo cd a; env cd b; bash -c 'cd c'; echo cd d; 'cd e'", []),
    ],
)
def test_effects(text: str, changes: list[tuple[str, str | None, str | None]]) -> None:
    found = effects(read(text))
    assert [(one.kind, one.name, one.value) for one in found] == changes
    for one in found:
        assert one.reason.startswith("`")
        assert 0 <= one.start < one.end <= len(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a", []),
        ("a & b", [("background", "&", True)]),
        ("a; b && c & d", [("background", "&", False)]),
        ("(a &)", [("background", "&", True)]),
        ("echo $(a; b &)", [("background", "&", True)]),
        ("f() { a & }", [("background", "&", True)]),
        ("a; cat <(b)", [("background", "<(", False)]),
        ("wait", [("jobs", "wait", True)]),
        ("a; jobs; fg", [("jobs", "jobs", False), ("jobs", "fg", False)]),
        ("echo $?", [("parameter", "?", True)]),
        ("a; echo $?", [("parameter", "?", False)]),
        ("a && echo \"$$\" ${PPID} '$0' \\$_", [("parameter", "$", False), ("parameter", "PPID", False)]),
        ("echo ${_} $- $! $0", [("parameter", x, True) for x in "_-!0"]),
        ("a; echo $((RANDOM % LINENO))", [("parameter", "RANDOM", False), ("parameter", "LINENO", False)]),
        ("cat <<E\n$$\nE", [("parameter", "$", True)]),
        ("cat <<'E'\n$$\nE", []),
        ("a; echo `b \\`c\\``", [("unread", "`", False)]),
        ("echo $# $@ $1 $HOME", []),
        ("a; (return 1)", [("misuse", "return", False)]),
        ("(set -o nosuch); set $a; set -- $b", [("misuse", "set", True), ("misuse", "set", False)]),
        ("f() { return 1; set -eu -o pipefail +x; }", []),
    ],
)
def test_uses(text: str, found: list[tuple[str, str, bool]]) -> None:
    assert [(one.kind, one.name, one.first) for one in uses(read(text))] == found


def test_programs() -> None:
    text = "a && b $(c) | d; (e); cd f; ./g; h=1 i; $j; command k; command -v l; m() { n; }; m; if o; then p; fi"
    assert programs(read(text)) == frozenset("abcdeiklnop")
    assert programs(read(text), in_shell=True) == frozenset("aiklnop")
