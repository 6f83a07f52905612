"""The types, seen by both checkers: `passes/` has no error, `fails/` has one on each line marked `# error`, no other.

The checkers see greenroom as a user's do: from where it is imported, in their strict mode.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import greenroom

HERE = Path(__file__).resolve().parent
# Where the package was found: site-packages for an installed wheel, which the checkers know, or the checkout.
HOME = Path(greenroom.__file__).parent.parent
CHECKOUT = None if HOME.name == "site-packages" else HOME
MARKED = re.compile(r"# error\b")

Errors = dict[str, dict[int, list[str]]]

# The checkers run once, so the tests that look at what they said stay in one worker.
pytestmark = pytest.mark.xdist_group("typing")


def samples(folder: str) -> list[str]:
    return [f"{folder}/{path.name}" for path in sorted((HERE / folder).glob("*.py"))]


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run([sys.executable, "-P", "-m", *command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.stdout


def said_by_mypy(where: Path) -> Errors:
    options = ["strict = True", "explicit_package_bases = True", f"mypy_path = {CHECKOUT}" if CHECKOUT else ""]
    (where / "mypy.ini").write_text("\n".join(["[mypy]", *options]))
    errors: Errors = {}
    for row in run("mypy", "--output=json", "passes", "fails", cwd=where).splitlines():
        found = json.loads(row)
        if found["severity"] == "error":
            errors.setdefault(found["file"], {}).setdefault(found["line"], []).append(found["message"])
    return errors


def said_by_pyright(where: Path) -> Errors:
    settings = {"typeCheckingMode": "strict", "include": ["passes", "fails"]}
    if CHECKOUT:
        settings["extraPaths"] = [str(CHECKOUT)]
    (where / "pyrightconfig.json").write_text(json.dumps(settings))
    errors: Errors = {}
    said = json.loads(run("pyright", "--outputjson", "--pythonpath", sys.executable, cwd=where))
    assert said["summary"]["filesAnalyzed"] == len(samples("passes")) + len(samples("fails"))
    for found in said["generalDiagnostics"]:
        if found["severity"] == "error":
            path = Path(found["file"]).relative_to(where).as_posix()
            errors.setdefault(path, {}).setdefault(found["range"]["start"]["line"] + 1, []).append(found["message"])
    return errors


@pytest.fixture(scope="module", params=[said_by_mypy, said_by_pyright], ids=["mypy", "pyright"])
def errors(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Errors:
    checker: Callable[[Path], Errors] = request.param
    where = tmp_path_factory.mktemp("checker").resolve()
    for folder in ("passes", "fails"):
        shutil.copytree(HERE / folder, where / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return checker(where)


@pytest.mark.parametrize("path", samples("passes"))
def test_a_right_use_is_accepted(errors: Errors, path: str) -> None:
    assert errors.get(path, {}) == {}


@pytest.mark.parametrize("path", samples("fails"))
def test_a_wrong_use_is_refused_where_it_stands(errors: Errors, path: str) -> None:
    marked = {number for number, line in enumerate((HERE / path).read_text().splitlines(), 1) if MARKED.search(line)}
    said = errors.get(path, {})
    assert marked, "mark the wrong lines with '# error'"
    assert set(said) == marked, said
