"""The page about experiments shows what is really printed, and names all that there is."""

import re
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from greenroom import lab

PAGE = Path(__file__).resolve().parents[2] / "docs" / "experiments.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_example_prints_what_the_page_shows(tmp_path: Path) -> None:
    [program], [toml], [shown] = blocks("py"), blocks("toml"), blocks("text")
    (tmp_path / "ledger.toml").write_text(toml, encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-P", str(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.stdout) == ("", shown)


@pytest.mark.parametrize("cls", [lab.Experiment, lab.ActorModel, lab.ServiceModel, lab.Source, lab.Fault, lab.Policy])
def test_the_page_names_every_key(cls: type[attrs.AttrsInstance]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    missing = [field.name for field in attrs.fields(cls) if not re.search(rf"[`,. \[]{field.name}[`.\]= ]", text)]
    assert missing == []


def test_the_page_tells_of_every_measure() -> None:
    told = "\n".join(line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `"))
    for measure in lab.MEASURES:
        name = measure.rpartition(" ")[2] if measure.startswith("latency") else measure
        assert f"`{name}`" in told or f"`{measure}`" in told or measure in {"recovery max", "queued max"}
