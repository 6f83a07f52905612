"""The comparison with peers runs, and says what is not there. No time is asserted, and nothing is fetched from a network.

Two peers are measured here: asyncio by hand, and pykka, which the tests' own environment has. The others are measured by `make bench-peers` only:
they bring some forty packages.
"""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "benchmarks" / "peers"
NAMES = (
    "asyncio", "uvloop", "pykka", "larzactor", "papyra", "papyra-trio", "tapio", "thespian", "xoscar", "autogen-core", "lapinbeam",
)  # fmt: skip
WORKLOADS = ("tell", "ask", "ask-timeout", "spawn", "idle", "ring", "fan", "restart")
#: Units of work for each of a workload's size, where that is not one.
OFTEN = {"ring": 100, "fan": 100}


def ran(*args: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, args)]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=300
    )


def peers(*options: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return ran("-m", "benchmarks.peers", *options, **environment)


def python(code: str) -> str:
    done = ran("-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout


ALL_WORKLOADS = """
import json
from benchmarks.peers._{name} import WORKLOADS

print(json.dumps({{name: side(7).done for name, side in WORKLOADS.items()}}))
"""


@pytest.mark.parametrize(("name", "cannot"), [("asyncio", set[str]()), ("pykka", {"restart"})])
def test_each_workload_of_a_peer_counts_all_of_its_work(name: str, cannot: set[str]) -> None:
    done = json.loads(python(ALL_WORKLOADS.format(name=name)))
    assert done == {workload: 7 * OFTEN.get(workload, 1) for workload in WORKLOADS if workload not in cannot}


def test_figures_dashes_and_what_is_missing_are_told_apart(tmp_path: Path) -> None:
    output = tmp_path / "folder" / "peers.json"
    done = peers(
        "--here", "--quick", "--rounds", "2", "--peers", "pykka,larzactor", "--workloads", "ask,restart", "--output", output,
    )  # fmt: skip
    assert done.returncode == 1
    assert "larzactor is not measured: larzactor is not installed in this environment" in done.stderr
    results: dict[str, Any] = json.loads(output.read_text())
    assert results.keys() == {"format", "machine", "rounds", "quick", "systems", "workloads"}
    assert (results["format"], results["rounds"], results["quick"]) == (1, 2, True)
    assert results["systems"]["pykka"]["version"]
    assert "larzactor is not installed" in results["systems"]["larzactor"]["missing"]
    assert list(results["workloads"]) == ["ask", "restart"]
    asks, restarts = (row["systems"] for row in results["workloads"].values())
    assert list(asks) == list(restarts) == ["greenroom", "trio", "pykka"]
    for cell in (*asks.values(), restarts["greenroom"], restarts["trio"]):
        assert 0 < cell["low"] <= cell["median"] <= cell["high"]
        assert [sample["done"] for sample in cell["samples"]] == [cell["size"]] * 2
        assert cell["ratio"].keys() == cell["cpu_ratio"].keys() == {"median", "low", "high"}
    ours, theirs = ([sample["seconds"] for sample in asks[system]["samples"]] for system in ("greenroom", "pykka"))
    ratios = sorted(other / own for own, other in zip(ours, theirs, strict=True))
    assert [asks["pykka"]["ratio"][key] for key in ("low", "high")] == pytest.approx(ratios)
    assert restarts["pykka"] == {"cannot": "nobody starts an actor again that has failed"}
    tables = output.with_suffix(".txt").read_text()
    assert done.stdout.startswith(tables.rstrip())
    (figures, ahead) = (line.split() for line in tables.splitlines() if line.startswith("pykka 4"))
    assert figures[-1] == ahead[-1] == "-"
    assert "pykka: a thread per actor; no restart: nobody starts an actor again that has failed." in tables
    assert "larzactor: not measured: larzactor is not installed" in tables
    for suffix in (".png", ".svg"):
        assert output.with_suffix(suffix).stat().st_size > 1_000


def test_what_pip_says_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    output = tmp_path / "peers.json"
    done = peers(
        "--quick", "--peers", "asyncio,larzactor", "--workloads", "tell", "--output", output, "--environment", tmp_path / "venv",
        PIP_NO_INDEX="1", PIP_FIND_LINKS="",
    )  # fmt: skip
    assert done.returncode == 1
    assert "larzactor is not measured: pip cannot install larzactor==" in done.stderr
    assert "No matching distribution found for larzactor==" in done.stderr
    assert list(json.loads(output.read_text())["workloads"]["tell"]["systems"]) == ["greenroom", "trio", "asyncio"]


def test_a_measurement_that_fails_is_told_and_is_no_figure() -> None:
    told = python(
        "from pathlib import Path\n"
        "from benchmarks._workload import find_workload\n"
        "from benchmarks.peers.__main__ import Installed, measure\n"
        "from benchmarks.peers._environment import Environment\n"
        "from benchmarks.peers._options import Options\n"
        "from benchmarks.peers._results import as_plain_data\n"
        "from benchmarks.peers._roster import Peer\n"
        "from benchmarks.peers._table import make_tables\n"
        "peers = (Peer('nobody'),)\n"
        "options = Options((find_workload('tell'),), peers, 2, True, Path('none.json'), Environment.here())\n"
        "standing = measure(options, Installed({}, {}))\n"
        "print(make_tables(standing, 2))\n"
        "print(as_plain_data(standing, 2)['workloads']['tell']['systems']['nobody'])\n"
    )
    figures, ahead = (
        line.split() for line in told.splitlines() if line.split()[:1] == ["nobody"] and len(line.split()) == 2
    )
    assert figures == ahead == ["nobody", "failed"]
    assert "nobody failed at tell: tell by nobody failed:" in told
    assert "No module named 'benchmarks.peers._nobody'" in told
    assert told.splitlines()[-1].startswith("{'failed': ")


def test_an_environment_of_another_python_is_refused(tmp_path: Path) -> None:
    interpreter = tmp_path / "venv" / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.write_text('#!/bin/sh\necho \'{"python": "3.8.1"}\'\n')
    interpreter.chmod(0o755)
    done = ran(
        "-c",
        "import sys\nfrom pathlib import Path\nfrom benchmarks.peers._environment import Environment\n"
        "Environment.at(Path(sys.argv[1])).prepare(['pykka'])",
        tmp_path / "venv",
    )
    assert "venv is of Python 3.8.1, and greenroom runs on 3." in done.stderr
    assert "remove it, or name another" in done.stderr


def test_figures_have_three_digits() -> None:
    told = python(
        "from benchmarks.peers._table import short\n"
        "print(*map(short, (1_234_567, 999_499, 467_000, 45_678, 8_400, 870.2, 12.345, 0.5)))"
    )
    assert told.split() == ["1.23M", "999k", "467k", "45.7k", "8.40k", "870", "12.3", "0.500"]


def names_in(path: Path, variable: str) -> set[str]:
    """Return the keys of the dict that a module assigns to a variable; its library need not be there for it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == variable for target in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            assert isinstance(node.value, ast.Dict)
            return {ast.literal_eval(key) for key in node.value.keys if key is not None}
    raise AssertionError(f"{path.name} has no {variable}")


def test_the_roster_says_of_each_peer_what_it_cannot_do_and_pins_what_it_needs() -> None:
    roster: dict[str, dict[str, Any]] = json.loads(
        python(
            "import json\nfrom benchmarks.peers._environment import pins\nfrom benchmarks.peers._roster import PEERS\n"
            "print(json.dumps({peer.name: {'module': peer.module, 'cannot': dict(peer.cannot), 'sizes': dict(peer.sizes),"
            "'unpinned': [name for name in peer.needs if name not in pins()]} for peer in PEERS}))"
        )
    )
    assert tuple(roster) == NAMES
    another = {"uvloop": "_asyncio", "papyra-trio": "_papyra"}
    for name, peer in roster.items():
        assert (PEERS / f"_{peer['module']}.py").is_file()
        path = PEERS / f"{another.get(name, '_' + peer['module'])}.py"
        threaded = "SIDES: Sides" not in path.read_text(encoding="utf-8")
        does = names_in(path, "WORKLOADS" if threaded else "SIDES")
        assert does | peer["cannot"].keys() == set(WORKLOADS), name
        assert not does & peer["cannot"].keys(), name
        assert all(peer["cannot"].values()), name
        assert peer["sizes"].keys() <= does, name
        assert not peer["unpinned"], name


BAD_OPTIONS = (
    (("--rounds", "0"), "'0' is not a whole number from 1 to 100"),
    (("--rounds", "-1"), "'-1' is not a whole number from 1 to 100"),
    (("--workloads", "tell,children"), "'children' is no workload; there are tell, ask, ask-timeout, spawn, idle"),
    (("--workloads", ""), "'' is no workload"),
    (("--peers", "pykka,akka"), "'akka' is no peer; there are asyncio, uvloop, pykka, larzactor, papyra, papyra-trio"),
    (("--peers", ""), "'' is no peer"),
    (("--peers", "greenroom"), "'greenroom' is no peer"),
    (("--output", "results.txt"), "'results.txt' does not end in .json"),
    (("--output", "tests.json/.."), "does not end in .json"),
    (("--environment", "tests"), "'tests' is there, and is no virtual environment"),
    (("--environment", "Makefile"), "'Makefile' is there, and is no virtual environment"),
    (("--environment", "x", "--here"), "--here: not allowed with argument --environment"),
    (("--peer", "pykka"), "unrecognized arguments: --peer"),
)

READ = """
import contextlib, io, json, sys
from benchmarks.peers._options import read_options

told = []
for options in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as word:
        try:
            read_options(options)
        except SystemExit as end:
            told.append([end.code, word.getvalue()])
print(json.dumps(told))
"""


def test_a_bad_option_gets_a_clear_word_and_exit_2() -> None:
    done = ran("-c", READ, json.dumps([options for options, _ in BAD_OPTIONS]))
    for (options, word), (code, told) in zip(BAD_OPTIONS, json.loads(done.stdout), strict=True):
        assert code == 2, options
        assert word in told, options


def test_an_output_that_cannot_be_written_is_refused_before_anything_is_measured() -> None:
    done = peers("--output", "/dev/null/results.json")
    assert done.returncode == 2
    assert done.stderr.startswith("python -m benchmarks.peers: error: cannot write /dev/null/results.json")
