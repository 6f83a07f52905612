"""Beside simloom, the one comparable tool for Python (of asyncio): the same programs, in an environment that has both."""

import json
import subprocess
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.finding._replay import ROOT, interpreters

from ._row import Effort, Row, all_or_nothing

#: simloom needs this one at least.
PYTHON = "3.12"
TIMES = 3.0
SIDES = ("ours", "theirs")


def _told(python: Path, side: str, seed: int, trials: int, limit: int) -> dict[str, Any]:
    command = [str(python), "-m", "benchmarks.kit._side", side, str(seed), str(trials), str(limit)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 -- ours
    if done.returncode:
        raise RuntimeError(f"beside simloom: {done.stderr.strip()[-2_000:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def measure(effort: Effort) -> list[Row]:
    """Measure both in a fresh environment; no row where that cannot be."""
    python = interpreters().get(PYTHON)
    if python is None:
        return [Row("beside simloom", "3 times its schedules each second", "not measured: it has no place here", 0.0)]
    rates: dict[str, dict[str, list[float]]] = {}
    means: dict[str, dict[str, dict[str, float]]] = {}
    with TemporaryDirectory() as folder:
        home = Path(folder) / "environment"
        subprocess.run([python, "-m", "venv", home], check=True)  # noqa: S603 -- ours
        pip = [home / "bin" / "python", "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*map(str, pip), "simloom", "--editable", str(ROOT)], check=True)  # noqa: S603
        for number in range(effort.rounds):
            for side in SIDES:
                trials = 0 if number else effort.trials  # they are drawn from the same seeds each time
                told = _told(home / "bin" / "python", side, number, trials, effort.limit)
                for name, each in told.items():
                    rates.setdefault(name, {}).setdefault(side, []).append(each["rate"])
                    if each["means"]:
                        means.setdefault(name, {})[side] = each["means"]
    ratios = {name: median(each["ours"]) / median(each["theirs"]) for name, each in rates.items()}
    least = min(ratios, key=lambda name: ratios[name])
    best = {name: tuple(min(each[side].values()) for side in SIDES) for name, each in means.items()}
    default = {name: tuple(next(iter(each[side].values())) for side in SIDES) for name, each in means.items()}
    facts = {"schedules each second": rates, "schedules to the first failure": means}
    return [
        Row(
            "beside simloom: speed", f"at least {TIMES:g} times its schedules each second, of {len(rates)} programs",
            f"{fmean(ratios.values()):.1f} times; the least is {ratios[least]:.1f} ({least})", ratios[least] / TIMES, facts,
        ),
        _finding("the best ways", best),
        _finding("the defaults", default),
    ]  # fmt: skip


def _finding(which: str, needs: dict[str, tuple[float, ...]]) -> Row:
    """Return the row of schedules to the first failure, by program: ours and theirs."""
    no_more = sum(ours <= theirs for ours, theirs in needs.values())
    each = ", ".join(f"{name} {ours:.1f} to {theirs:.1f}" for name, (ours, theirs) in needs.items())
    return Row(
        f"beside simloom: {which}", "no more schedules to the first failure", f"{no_more} of {len(needs)}: {each}",
        all_or_nothing(no_more, len(needs)),
    )  # fmt: skip
