"""A family of scripts that are safe to run and full of the traps of semantics 2."""

from __future__ import annotations

from hypothesis import strategies as st

PLAIN = (
    ": > a",
    ": > d/b",
    "echo 1 >> f",
    "echo 2 >> f",
    "echo w",
    "true",
    "false",
    "(exit 3)",
    "test -e a",
    "! true",
    "! false",
    "mkdir m",
    "echo $(false; echo v)",
    "echo $(set -e; false; echo v)",
    "echo `echo q`",
    "echo ${V-none} >> f",
    'echo "$V"',
    "echo $#",
    "umask >> f",
    "tool",
    "tool >> f",
    "f",
    "env | grep '^V=' >> f",
    "read V < f && echo $V",
    ": '}' \"# no\"",
)
CHANGING = (
    "cd d",
    "cd d && : > in",
    'cd "$W/p1"',
    "export V=1",
    "V=2",
    "V=$(echo 5)",
    "V=$(false)",
    "V=3 :",
    "V=4 export U",
    "unset V",
    "umask 077",
    "set -u",
    "set -x",
    "set +e",
    "set -e",
    "set -f",
    "set -- p q",
    "f() { echo f >> f; false; echo g; }",
    "f() { echo h; }",
    "exit 0",
    "exit 3",
    "exec touch x",
    "exec >> f",
    ": ${V:=6}",
    "echo $((V=7))",
    "read V",
    "hash -r",
    'printf \'echo one\\n\' > "$W/p1/tool"; chmod +x "$W/p1/tool"',
    'tool && printf \'echo one\\n\' > "$W/p1/tool" && chmod +x "$W/p1/tool"',
    "return 0",
    "return 4",
    "break",
    "echo $?",
    "shift",
    "shift 3",
    "readonly V",
    "readonly V=1; V=2",
    "echo $((1/0))",
    ": ${N:?unset}",
    "cd nowhere",
    "set -o nosuch",
    "export 1x=2",
    "unset -f f",
    "exec nosuch",
    "X=1 Y=$(false)",
)
REFUSED = (". ./s", "alias tool='echo alias'", "sleep 0 &", "eval 'V=8; cd d'", "trap 'echo bye >> f' EXIT")
# What stands on the left of a pipe must not race with the right: it has no effects, or the right waits for it.
SILENT = ("true", "false", "(exit 3)")
HEADS = ("set -e", "set -ex", "set -eu", "set -e -u", "set -x", "set -x; set -e", "set -o errexit", "set +e")
LINES = ("# note", "cat <<E >> f\n$V }\nE", ": # end")

commands = st.sampled_from(PLAIN * 6 + CHANGING * 3 + REFUSED)


def _compounds(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    lists = _lists(inner, 1, 3)
    return st.one_of(
        inner,
        inner,
        lists.map(lambda a: f"({a})"),
        lists.map(lambda a: f"{{ {a}; }}"),
        st.tuples(lists, lists).map(lambda t: f"if {t[0]}; then {t[1]}; fi"),
        st.tuples(lists, lists, lists).map(lambda t: f"if {t[0]}; then {t[1]}; else {t[2]}; fi"),
        lists.map(lambda a: f"for i in 1 2; do {a}; done"),
        lists.map(lambda a: f"while {a}; do break; done"),
        st.tuples(lists, lists).map(lambda t: f"case ${{V-}} in 1) {t[0]};; *) {t[1]};; esac"),
        st.tuples(st.sampled_from(SILENT), inner).map(" | ".join),
        st.tuples(inner, inner).map(lambda t: f"{{ {t[0]}; :; }} | {{ while read L; do :; done; {t[1]}; }}"),
        inner.map(lambda a: f"! {a}" if a[:1].isalpha() and "\n" not in a else a),
        lists.map(lambda a: f"echo $( {a} )"),
    )


def _lists(inner: st.SearchStrategy[str], least: int, most: int) -> st.SearchStrategy[str]:
    return st.builds(
        _list,
        st.lists(st.tuples(inner, st.sampled_from((" && ", " && ", "; ", " || "))), min_size=least, max_size=most),
    )


def _list(items: list[tuple[str, str]]) -> str:
    return "".join(separator + item for item, separator in items)[len(items[0][1]) :]


heads = st.sampled_from(HEADS)
nested = _compounds(_compounds(commands))


def _lines(parts: list[str]) -> str:
    return "\n".join(parts)


bodies = st.one_of(
    _lists(commands, 1, 3),
    _lists(commands, 2, 4),
    _lists(nested, 1, 3),
    st.builds("{}{}{}".format, heads, st.sampled_from(("; ", " && ")), _lists(commands, 1, 3)),
    st.builds("{}; {}".format, heads, _lists(nested, 1, 3)),
    st.builds("{};".format, _lists(commands, 1, 2)),
    st.builds(_lines, st.lists(nested | st.sampled_from(LINES), min_size=1, max_size=4)),
    st.builds(lambda h, p: _lines([h, *p]), heads, st.lists(_lists(nested, 1, 2), min_size=1, max_size=3)),
)
