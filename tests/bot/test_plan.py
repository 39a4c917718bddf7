from __future__ import annotations

from optimizer.bot.plan import Commit, File, Plan, marked, marker, withdrawn

LINES = [f"RUN step{number}\n" for number in range(30)]


def plan(before: list[str], after: list[str], *steps: list[str]) -> Plan:
    texts = [*steps, after]
    old = "".join(before).encode()
    return Plan("dockopt/all", tuple(Commit("x", (File("Dockerfile", old, "".join(each).encode()),)) for each in texts))


def changed(lines: list[str], at: int, text: str) -> list[str]:
    return [*lines[:at], text, *lines[at + 1 :]]


def test_the_same_change_has_the_same_hash_where_lines_elsewhere_differ() -> None:
    one = plan(LINES, changed(LINES, 20, "RUN better\n"))
    bumped = changed(LINES, 2, "RUN version 2\n")
    assert plan(bumped, changed(bumped, 20, "RUN better\n")).hash == one.hash
    longer = ["RUN new\n", *LINES]
    assert plan(longer, changed(longer, 21, "RUN better\n")).hash == one.hash


def test_another_change_or_another_neighbourhood_has_another_hash() -> None:
    one = plan(LINES, changed(LINES, 20, "RUN better\n"))
    assert plan(LINES, changed(LINES, 20, "RUN best\n")).hash != one.hash
    near = changed(LINES, 18, "RUN version 2\n")
    assert plan(near, changed(near, 20, "RUN better\n")).hash != one.hash


def test_the_split_into_commits_does_not_count() -> None:
    half, whole = changed(LINES, 3, "a\n"), changed(changed(LINES, 3, "a\n"), 20, "b\n")
    assert plan(LINES, whole, half).hash == plan(LINES, whole).hash


def test_the_files_are_those_after_the_last_commit() -> None:
    first, last = File(".dockerignore", None, b"a\n"), File(".dockerignore", None, b"a\nb\n")
    dockerfile = File("Dockerfile", b"FROM a\n", b"FROM b\n")
    assert Plan("b", (Commit("1", (first, dockerfile)), Commit("2", (last,)))).files == (last, dockerfile)


def test_a_diff_of_odd_bytes_can_be_made() -> None:
    odd = Plan("b", (Commit("1", (File("Docker\udcffile", b"\xff\n", b"\xfe\n"),)),))
    assert odd.hash != Plan("b", (Commit("1", (File("Dockerfile", b"\xff\n", b"\xfe\n"),)),)).hash
    assert "-\udcff\n+\udcfe\n" in odd.diff


def test_a_text_tells_its_plan_until_it_is_taken_back() -> None:
    text = f"before\n\n{marker('0' * 32)}\n"
    assert marked(text) == "0" * 32
    assert marked(withdrawn(text)) is None
    assert marked("no marker") is None
    assert marked(f"{marker('1' * 32)}{marker('2' * 32)}") == "2" * 32


def test_a_diff_repeats_no_credentials() -> None:
    before = "FROM a\nENV API_TOKEN=hunter22hunter22\nRUN b\n"
    made = Plan("b", (Commit("1", (File("Dockerfile", before.encode(), before.replace("RUN b", "RUN c").encode()),)),))
    assert "hunter22" not in made.diff
    assert " ENV API_TOKEN=***\n" in made.diff
