"""Files per second, memory and cold start of dockopt beside its peers, in one run.

All figures of one results file come from one run on one machine, the programs taking turns; only the ratios
mean anything elsewhere. Nothing here is a test.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import peers, table, tools
from bench.child import Ended, peak_memory, run
from bench.tools import Tool

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "speed.json"
COMPARED = (
    tools.DOCKOPT_CHECK,
    tools.DOCKOPT[0],
    tools.DOCTOR[0],
    tools.TALLY[0],
    tools.HADOLINT,
    tools.DOCKERFMT,
)


def throughput(chosen: Sequence[Tool], sample: int, rounds: int) -> dict[str, Any]:
    """Runs every program `rounds` times over the corpus, in turn."""
    present, missing = tools.installed(chosen)
    texts, _ = peers.corpus(sample)
    if not texts:
        raise SystemExit("the speed is measured on the corpus: name its folder in DOCKOPT_CORPUS")
    cores = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cores)
    with tempfile.TemporaryDirectory(prefix="dockopt-bench-") as name:
        scratch = Path(name)
        fresh = scratch / "fresh"
        for key, text in texts.items():
            place = fresh / key[:2] / f"{key}.Dockerfile"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text)
        able = {tool.name: _able(tool, fresh, scratch / "work") for tool in present}
        rows: dict[str, dict[str, Any]] = {
            tool.name: {
                "version": tools.version(tool),
                "command": tool.shown,
                "files": len(able[tool.name]),
                "wall": [],
                "cpu": [],
            }
            for tool in present
        }
        for number in range(rounds):
            for tool in present:
                ended = _timed(tool, fresh, scratch / "work", able[tool.name])
                rows[tool.name]["wall"].append(round(ended.wall, 3))
                rows[tool.name]["cpu"].append(round(ended.cpu, 3))
                print(f"round {number + 1}: {tool.name} {ended.wall:.1f} s", file=sys.stderr, flush=True)
        for tool in present:
            _reset(fresh, scratch / "work")
            rows[tool.name]["memory"] = peak_memory(tool.command(able[tool.name]), scratch / "work")
    return {
        "made": datetime.date.today().isoformat(),
        "machine": tools.machine(),
        "cores": len(cores),
        "files": len(texts),
        "rounds": rounds,
        "rows": rows,
        "missing": missing,
    }


def cold_starts(chosen: Sequence[Tool], starts: int) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of `starts` runs of every program on one file, in turn."""
    present, _ = tools.installed(chosen)
    found: dict[str, dict[str, list[float]]] = {tool.name: {"wall": [], "cpu": []} for tool in present}
    with tempfile.TemporaryDirectory(prefix="dockopt-bench-") as name:
        for _ in range(starts):
            for tool in present:
                shutil.copy(HERE / "one.Dockerfile", Path(name) / "Dockerfile")
                ended = run(tool.command(["Dockerfile"]), Path(name))
                found[tool.name]["wall"].append(round(1000 * ended.wall, 1))
                found[tool.name]["cpu"].append(round(1000 * ended.cpu, 1))
    return found


def _able(tool: Tool, fresh: Path, work: Path) -> list[str]:
    """The files that the program deals with: one that it refuses would stop its whole run."""
    _reset(fresh, work)
    files = sorted(str(path.relative_to(work)) for path in work.rglob("*.Dockerfile"))[
        :: peers.SLOW if tool.slow else 1
    ]
    gave_up = peers.rewrite(tool, work, files)
    return [file for file in files if file not in gave_up]


def _timed(tool: Tool, fresh: Path, work: Path, files: Sequence[str]) -> Ended:
    _reset(fresh, work)
    ended = run(tool.command(files), work, limit=3600)
    if ended.status not in tool.ends:
        raise SystemExit(f"{tool.shown} ended with status {ended.status}: {ended.stderr[-300:]}")
    return ended


def _reset(fresh: Path, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(fresh, work)


def _medians(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        "files_per_second": round(row["files"] / statistics.median(row["wall"]), 1),
        "cpu_ms_per_file": round(1000 * statistics.median(row["cpu"]) / row["files"], 2),
        "cold_wall_ms": statistics.median(row["cold"]["wall"]),
        "cold_cpu_ms": statistics.median(row["cold"]["cpu"]),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=__doc__)
    parser.add_argument("--only", default="", help="only tools with this in their name")
    parser.add_argument("--sample", type=int, default=0, help="so many files of the corpus; 0: all")
    parser.add_argument("--rounds", type=int, default=3, help="times over the corpus (%(default)s)")
    parser.add_argument("--starts", type=int, default=20, help="cold starts (%(default)s)")
    parser.add_argument("--starts-only", action="store_true", help="keep the rest of the results")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the JSON to write (%(default)s)")
    options = parser.parse_args(arguments)
    chosen = [tool for tool in COMPARED if options.only in tool.name]
    if options.starts_only:
        results = json.loads(options.results.read_text())
    else:
        results = throughput(chosen, options.sample, options.rounds)
    for name, cold in cold_starts(chosen, options.starts).items():
        row = results["rows"][name] | {"cold": cold}
        results["rows"][name] = row | _medians(row)
    results["starts"] = options.starts
    options.results.parent.mkdir(exist_ok=True)
    options.results.write_text(json.dumps(results, indent=1) + "\n")
    print(table.speed(results))


if __name__ == "__main__":
    main()
