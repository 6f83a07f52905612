"""Replays: many failures, each from its token in fresh processes, whatever the hash seed, the Python and the Trio.

Run as a module, it replays what it reads: a line with a bug's name and a token each; it prints a hash over the whole run.
"""

import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from greenroom import races
from greenroom.races._search import first_failure

from ._trials import BUGS

ROOT: Final = Path(__file__).resolve().parents[2]
HASH_SEEDS: Final = ("0", "1", "4242")
#: Other Trios, besides the one that is installed; each in an environment of its own.
TRIOS: Final = ("0.31.0", "0.32.0", "0.33.0")
PYTHONS: Final = ("3.11", "3.12", "3.13")


def collect(count: int) -> list[tuple[str, str]]:
    """Return so many failures, as bug and token, found by random walks and priorities; no two are the same."""
    failures: dict[tuple[str, str], None] = {}
    seed = 0
    while len(failures) < count:
        for name, bug in BUGS.items():
            strategy = ("walk", "pct", "pos")[seed % 3]
            failure = first_failure(bug.broken, strategy=strategy, schedules=300, seed=seed)  # type: ignore[arg-type]
            if failure is not None:
                failures[name, failure[1].schedule.token] = None
        seed += 1
    return list(failures)[:count]


def trace_of(bug: str, token: str) -> str:
    """Return a hash over all that a replay did: each choice with what there was to choose from, the steps, the verdict and the error."""
    result = races.run(BUGS[bug].broken, schedule=token)
    lines = [*map(str, result.choices), str(result.steps), result.verdict, type(result.error).__name__]
    return sha256("\n".join(lines).encode()).hexdigest()


def replay_in(python: str, hash_seed: str, failures: list[tuple[str, str]]) -> list[str]:
    """Return the hashes of all replays in a fresh process."""
    done = subprocess.run(  # noqa: S603 -- ourselves
        [python, "-m", "benchmarks.finding._replay"], cwd=ROOT, input="\n".join(" ".join(each) for each in failures),
        env={"PYTHONHASHSEED": hash_seed, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{python} with hash seed {hash_seed}: {done.stderr.strip()[-2_000:]}")
    return done.stdout.split()


def interpreters() -> dict[str, str]:
    """Return the Pythons that there are, by version."""
    found: dict[str, str] = {}
    for version in PYTHONS:
        homes = [Path(path) for path in (shutil.which(f"python{version}"),) if path]
        homes += sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
        for path in homes:
            code = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
            if subprocess.run([path, "-c", code], capture_output=True, check=False).returncode == 0:  # noqa: S603
                found[version] = str(path)
                break
    return found


def compare(count: int, said: list[str]) -> dict[str, int]:
    """Replay everywhere; returns for each place how many of the replays differed from here, and notes in `said` which places there were not."""
    failures = collect(count)
    here = [trace_of(*failure) for failure in failures]
    differ: dict[str, int] = {}

    def look(place: str, python: str, hash_seed: str) -> None:
        there = replay_in(python, hash_seed, failures)
        differ[place] = sum(one != other for one, other in zip(here, there, strict=True))

    for hash_seed in HASH_SEEDS:
        look(f"hash seed {hash_seed}", sys.executable, hash_seed)
    with TemporaryDirectory() as folder:
        known = interpreters()
        places = [(f"Python {version}", known.get(version), "trio") for version in PYTHONS]
        places += [(f"Trio {version}", sys.executable, f"trio=={version}") for version in TRIOS]
        for place, python, trio in places:
            if python is None:
                said.append(f"{place}: not here, so not tried")
                continue
            home = Path(folder) / place.replace(" ", "-")
            subprocess.run([python, "-m", "venv", home], check=True)  # noqa: S603
            pip = [home / "bin" / "python", "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
            subprocess.run([*map(str, pip), trio, "--editable", str(ROOT)], check=True)  # noqa: S603
            look(place, str(home / "bin" / "python"), "7")
    return differ


if __name__ == "__main__":
    for line in sys.stdin.read().splitlines():
        print(trace_of(*line.split()))
