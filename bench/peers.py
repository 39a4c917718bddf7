"""Runs every fixer over traps, fixtures and corpus, and counts what went wrong."""

from __future__ import annotations

import argparse
import datetime
import gzip
import hashlib
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import buildkit, control, facts, sandbox, table, tools
from bench.child import run
from bench.outcome import difference
from bench.tools import Tool

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "peers.json"
EXPERTS = frozenset(
    {
        "dotnet/dotnet-docker",
        "docker/awesome-compose",
        "tianon/dockerfiles",
        "jessfraz/dockerfiles",
        "webdevops/Dockerfile",
        "vimagick/dockerfiles",
        "nfnty/dockerfiles",
        "HariSekhon/Dockerfiles",
        "OpenVisualCloud/Dockerfiles",
        "demisto/dockerfiles",
        "StefanScherer/dockerfiles-windows",
    }
)
"""Repositories of the corpus that publish images, kept by people who do this for a living."""

CANARY = b"""FROM debian:12
RUN apt-get   update
RUN apt-get install -y curl
"""
"""Every fixer changes something here; one that does not is not called in the right way."""

SLOW = 4
"""A slow program gets every so many-th file of the corpus."""

_TOGETHER = 50  # files in one call, for a program that takes several
_ROOM = 20  # seconds that a call may take per file, and at least


@dataclass(frozen=True, slots=True)
class Fixed:
    """One file after the first and after the second run; `gave_up`: the program did nothing with it."""

    first: bytes
    second: bytes
    gave_up: bool = False
    gave_up_on_its_own: bool = False


Fixer = Callable[[Mapping[str, bytes]], dict[str, Fixed]]
"""From names and texts to what became of them."""


def fixer(tool: Tool, context: Path | None = None) -> Fixer:
    """A program as a Fixer: each file is a Dockerfile in a folder of its own, with `context` beside it."""

    def fix(texts: Mapping[str, bytes]) -> dict[str, Fixed]:
        with tempfile.TemporaryDirectory(prefix="dockopt-bench-") as name:
            folder = Path(name)
            for key, text in texts.items():
                place = folder / key
                if context:
                    shutil.copytree(context, place)
                place.mkdir(parents=True, exist_ok=True)
                (place / "Dockerfile").write_bytes(text)
            files = {key: f"{key}/Dockerfile" for key in texts}
            gave_up = rewrite(tool, folder, list(files.values()))
            first = {key: (folder / file).read_bytes() for key, file in files.items()}
            own = rewrite(tool, folder, [file for key, file in files.items() if first[key] != texts[key]])
            return {
                key: Fixed(first[key], (folder / file).read_bytes(), file in gave_up, file in own)
                for key, file in files.items()
            }

    return fix


def rewrite(tool: Tool, folder: Path, files: Sequence[str]) -> set[str]:
    """Runs the program in as large lots as it survives; returns the files with which it cannot deal alone."""
    size = _TOGETHER if tool.together else 1
    lots = [list(files[i : i + size]) for i in range(0, len(files), size)]
    gave_up: set[str] = set()
    done = 0
    while lots:
        lot = lots.pop(0)
        before = {file: (folder / file).read_bytes() for file in lot}
        ended = run(tool.command(lot), folder, limit=_ROOM * (1 + len(lot)))
        if ended.status in tool.ends and not re.search(r"^(Traceback|panic:)", ended.stderr, re.MULTILINE):
            done += len(lot)
            _progress(f"{tool.name}: {done} of {len(files)} files")
            continue
        for file, text in before.items():  # what it did before it fell is no result
            (folder / file).write_bytes(text)
        if len(lot) == 1:
            gave_up.add(lot[0])
            done += 1
            continue
        blamed = [file for file in lot if file in ended.stderr.strip().rpartition("\n")[2]]
        apart = blamed if len(blamed) == 1 else lot[: len(lot) // 2]
        lots[:0] = [apart, [file for file in lot if file not in apart]]
    return gave_up


def remembered(tool: Tool, fix: Fixer, texts: Mapping[str, bytes], digest: str, again: bool) -> dict[str, Fixed]:
    """What a pinned version made of the same files before, kept beside the programs; else what it makes now."""
    command = hashlib.sha256(repr((tool.version, tool.shown, digest)).encode()).hexdigest()[:16]
    place = tools.CACHE / "outputs" / f"{tool.package.replace('/', '+')}-{command}.json.gz"
    if place.exists() and not again:
        rows = json.loads(gzip.decompress(place.read_bytes()))
        return {
            key: Fixed(rows[key][0].encode("latin-1"), rows[key][1].encode("latin-1"), *rows[key][2:]) for key in texts
        }
    fixed = fix(texts)
    rows = {
        key: [each.first.decode("latin-1"), each.second.decode("latin-1"), each.gave_up, each.gave_up_on_its_own]
        for key, each in fixed.items()
    }
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(gzip.compress(json.dumps(rows).encode()))
    return fixed


def count(texts: Mapping[str, bytes], fixed: Mapping[str, Fixed], experts: frozenset[str]) -> dict[str, Any]:
    """The figures of one fixer over one set of files; a list holds the names of the files concerned."""
    taken = [key for key in texts if not buildkit.read(texts[key]).refusal]
    changed = [key for key in taken if fixed[key].first != texts[key]]
    refused = [key for key in taken if buildkit.read(fixed[key].first).refusal]
    good = [key for key in taken if key in set(changed) - set(refused)]
    lost = {key: asdict(facts.losses(texts[key], fixed[key].first)) for key in good}
    lists = {
        "gave_up": [key for key in taken if fixed[key].gave_up],
        "changed": changed,
        "changed_invalid": [key for key in texts.keys() - set(taken) if fixed[key].first != texts[key]],
        "refused": refused,
        "second_run": [key for key in changed if fixed[key].second != fixed[key].first],
        "second_run_refused": [key for key in changed if fixed[key].gave_up_on_its_own],
        "experts_changed": [key for key in changed if key in experts],
        "experts_refused": [key for key in refused if key in experts],
    } | {kind: [key for key in good if lost[key][kind]] for kind in facts.Losses.__dataclass_fields__}
    return {
        "files": len(texts),
        "taken": len(taken),
        "experts": len(experts & texts.keys()),
        **{name: len(keys) for name, keys in lists.items()},
        "which": {name: keys[:20] for name, keys in lists.items() if name != "changed"},
    }


def executed(texts: Mapping[str, bytes], fixed: Mapping[str, Fixed]) -> dict[str, list[str]]:
    """For each trap: what the rewrite did to the build, as [verdict, words]. Only ever called with traps."""
    verdicts = {}
    for key, before in texts.items():
        after = fixed[key].first
        if fixed[key].gave_up:
            verdicts[key] = ["gave up", "the program refuses the file"]
        elif after == before:
            verdicts[key] = ["untouched", ""]
        elif refusal := buildkit.read(after).refusal:
            verdicts[key] = ["refused", refusal]
        else:
            verdicts[key] = _verdict(before, after)
    return verdicts


def _verdict(before: bytes, after: bytes) -> list[str]:
    outcome = sandbox.build(after)
    if outcome.status == "not executed":
        return ["not executed", outcome.reason]
    if words := difference(sandbox.build(before), outcome):
        return ["differs", words]
    lost = asdict(facts.losses(before, after))
    kinds = [f"{kind}: {', '.join(found)}" for kind, found in lost.items() if found]
    return ["lost", "; ".join(kinds)] if kinds else ["same", ""]


def traps() -> dict[str, bytes]:
    """The traps by name, each proved to be executed by the sandbox and to come out the same twice."""
    texts = {path.name.removesuffix(".Dockerfile"): path.read_bytes() for path in sorted((HERE / "traps").iterdir())}
    for name, text in texts.items():
        first, second = sandbox.build(text), sandbox.build(text)
        if first.status == "not executed" or difference(first, second):
            raise SystemExit(f"bench/traps/{name}.Dockerfile: {first.reason or 'two builds of it differ'}")
    return texts


def fixtures() -> dict[str, bytes]:
    """The inputs of fixtures/, by their folder."""
    folder = HERE.parent / "fixtures"
    return {
        str(path.parent.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("Dockerfile"))
        if "context" not in path.relative_to(folder).parts
    }


def corpus(sample: int) -> tuple[dict[str, bytes], frozenset[str]]:
    """Dockerfiles from the wild by number, and which of them experts wrote; `sample` of them, evenly."""
    from tests.corpus import FOLDER, dockerfiles

    if not FOLDER.is_dir():
        _progress(f"no corpus at {FOLDER}: that part is left out (DOCKOPT_CORPUS names another folder)\n")
        return {}, frozenset()
    every = list(enumerate(dockerfiles()))
    step = max(1, len(every) // sample) if sample else 1
    chosen = every[::step]
    experts = frozenset(f"{number:04d}" for number, file in chosen if file.repo in EXPERTS)
    return {f"{number:04d}": file.data for number, file in chosen}, experts


def measure(chosen: Sequence[Tool], sample: int, results: dict[str, Any], again: bool) -> Iterator[None]:
    """Completes `results`, one row and set of files a step."""
    present, missing = tools.installed(tool for tool in chosen if tool.fixes)
    for tool in present[:]:
        if fixer(tool)({"canary": CANARY})["canary"].first == CANARY:
            present.remove(tool)
            missing[tool.name] = f"`{tool.shown}` changes nothing where it should"
    sets: list[tuple[str, dict[str, bytes], frozenset[str]]] = [
        ("traps", traps(), frozenset()),
        ("fixtures", fixtures(), frozenset()),
        ("corpus", *corpus(sample)),
    ]
    texts = sets[0][1]
    blind = {key: control.join_blindly(text) for key, text in texts.items()}
    fixed = {key: Fixed(text, control.join_blindly(text)) for key, text in blind.items()}
    had = {tool.name for tool in present}
    rows: dict[str, Any] = results.setdefault("rows", {})
    results |= {
        "made": datetime.date.today().isoformat(),
        "machine": tools.machine(),
        "missing": {k: v for k, v in results.get("missing", {}).items() if k not in had} | missing,
        "control": executed(texts, fixed),
        "traps": {key: _first_comment(text) for key, text in texts.items()},
    }
    for name, every, experts in sets:
        for tool in present:
            texts = dict(list(every.items())[:: SLOW if tool.slow and name == "corpus" else 1])
            row = rows.setdefault(tool.name, {})
            version, digest = tools.version(tool), _digest(texts)
            row |= {"version": version, "command": tool.shown, "kind": tool.kind}
            if not texts:
                continue
            fix = fixer(tool, sandbox.CONTEXT if name == "traps" else None)
            fixed = fix(texts) if tool.source == "here" else remembered(tool, fix, texts, digest, again)
            row[name] = {"digest": digest} | count(texts, fixed, experts)
            if name == "traps":
                row[name]["verdicts"] = executed(texts, fixed)
            _progress(f"{tool.name}: {name} done\n")
            yield


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--only", default="", help="only tools with this in their name")
    parser.add_argument("--sample", type=int, default=0, help="so many files of the corpus; 0: all")
    parser.add_argument("--again", action="store_true", help="run the peers again on files that they had before")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the JSON to complete (%(default)s)")
    parser.add_argument("--render", action="store_true", help="measure nothing, only write the page")
    parser.add_argument("--write", type=Path, help="write the page for people, such as docs/peers.md")
    options = parser.parse_args(arguments)
    results = json.loads(options.results.read_text()) if options.results.exists() else {}
    if not options.render:
        chosen = [tool for tool in tools.ALL if options.only in tool.name]
        for _ in measure(chosen, options.sample, results, options.again):
            options.results.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        results["rows"] = {tool.name: results["rows"][tool.name] for tool in tools.ALL if tool.name in results["rows"]}
        options.results.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    speed = HERE / "results" / "speed.json"
    page = table.page(results, json.loads(speed.read_text()) if speed.exists() else {})
    if options.write:
        options.write.write_text(page)
    else:
        print(page)


def _first_comment(text: bytes) -> str:
    return next(c for c in buildkit.comments(text) if not re.match(r"(syntax|escape|check)=", c))


def _digest(texts: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for key, text in sorted(texts.items()):
        digest.update(key.encode() + b"\0" + text + b"\0")
    return digest.hexdigest()[:16]


def _progress(words: str) -> None:
    if words.endswith("\n") or sys.stderr.isatty():
        print(("\r\033[K" if sys.stderr.isatty() else "") + words, end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
