"""Results as CSV, JSON and files, on trials that are made by hand."""

import csv
import json
import math
import os
import stat
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from greenroom.lab._export import make_csv, make_json
from greenroom.lab._file import write_whole
from greenroom.lab._trial import MEASURES, Results, Trial

from .made import drawn, measures, results

SMALL = Results(
    "small", "by hand", 100.0, ("p",), (1,), (Trial("p", 1, 100.0, measures(restarts=0.1 + 0.2, recovery_mean=1e-7), {"a,b": 0.5}),)
)  # fmt: skip


def test_csv_has_a_line_for_each_trial_to_the_last_digit() -> None:
    header, line, rest = make_csv(SMALL).split("\n")
    assert rest == ""
    assert header == ",".join(
        ["policy", "seed", *(f'"{name}"' if " " in name else name for name in MEASURES), '"availability of a,b"']
    )
    cells = dict(zip(header.split(",")[:-2], line.split(","), strict=False))
    assert line.startswith("p,1,0.0,")
    assert line.endswith(",0.5")
    assert cells["restarts"] == "0.30000000000000004"
    assert cells['"recovery mean"'] == "1e-07"
    assert cells['"recovery max"'] == ""


def test_csv_reads_back_as_the_same_numbers() -> None:
    made = drawn(seeds=3)
    rows = list(csv.DictReader(make_csv(made).splitlines()))
    assert [(row["policy"], int(row["seed"])) for row in rows] == [(trial.policy, trial.seed) for trial in made.trials]
    for row, trial in zip(rows, made.trials, strict=True):
        for measure, value in trial.measures.items():
            assert (math.isnan(value) and row[measure] == "") or float(row[measure]) == value
        for path, value in trial.availability.items():
            assert float(row[f"availability of {path}"]) == value


@given(st.text(min_size=1))
def test_any_name_of_a_policy_survives_csv(name: str) -> None:
    made = evolve(SMALL, policies=(name,), trials=(evolve(SMALL.trials[0], policy=name),))
    text = make_csv(made)
    [_, row] = csv.reader(
        text.splitlines(keepends=True)
        if not set(name) & set("\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
        else _lines(text)
    )
    assert row[0] == (f"'{name}" if name[0] in "=+-@\t\r" and not _is_number(name) else name)


def _lines(text: str) -> list[str]:
    """Lines by newlines alone, as in a file that is read as it is."""
    return [f"{line}\n" for line in text.split("\n")][:-1]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(A1)", "\tx", "\rx"])
def test_no_name_is_a_formula_in_a_spreadsheet(name: str) -> None:
    made = evolve(SMALL, policies=(name,), trials=(evolve(SMALL.trials[0], policy=name),))
    assert f"\n'{name}," in make_csv(made) or f'\n"\'{name}",' in make_csv(made)


def test_json_has_trials_estimates_comparisons_and_the_worst_minute() -> None:
    made = drawn(seeds=3)
    data = json.loads(make_json(made, baseline="backoff", confidence=0.9))
    assert (data["format"], data["name"], data["baseline"], data["confidence"]) == (1, "made", "backoff", 0.9)
    assert (data["policies"], data["seeds"]) == (["immediate", "backoff"], [1, 2, 3])
    for found, trial in zip(data["trials"], made.trials, strict=True):
        assert (found["policy"], found["seed"]) == (trial.policy, trial.seed)
        assert found["measures"] == {key: None if math.isnan(value) else value for key, value in trial.measures.items()}
        assert found["recoveries"] == list(trial.recoveries)
        assert found["availability"] == trial.availability
    assert {each["policy"] for each in data["comparisons"]} == {"immediate"}
    assert all(each["text"].startswith(f"{each['measure']}: ") for each in data["comparisons"])
    assert data["worst minute"] in data["worst minutes"]
    assert data["worst minute"]["during"]


def test_json_is_plain_json_with_keys_in_order_and_no_nan() -> None:
    text = make_json(drawn(seeds=2))
    assert text.endswith("}\n")
    assert text.isascii()

    def refuse(word: str) -> None:
        raise AssertionError(word)

    def ordered(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert [key for key, _ in pairs] == sorted(key for key, _ in pairs)
        return dict(pairs)

    json.loads(text, parse_constant=refuse, object_pairs_hook=ordered)


def test_equal_results_give_the_same_bytes() -> None:
    assert make_csv(drawn()) == make_csv(drawn())
    assert make_json(drawn()) == make_json(drawn())


def test_without_anything_to_compare_json_is_whole_all_the_same() -> None:
    data = json.loads(make_json(results({"a": [1.0]})))
    assert (data["comparisons"], data["worst minute"]) == ([], None)
    [estimate] = data["estimates"]
    assert estimate["interval"] == {
        "mean": 1.0,
        "low": None,
        "high": None,
        "least": 1.0,
        "most": 1.0,
        "count": 1,
        "missing": 0,
    }


def test_a_file_is_written_with_its_newlines_as_they_are(tmp_path: Path) -> None:
    target = tmp_path / "figures.csv"
    write_whole(target, "a\nb\r\nü\ud800\n")
    assert target.read_bytes() == b"a\nb\r\n\xc3\xbc\\ud800\n"
    assert [path.name for path in tmp_path.iterdir()] == ["figures.csv"]


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "figures.csv"
    target.write_text("before")

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(target, "after")
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["figures.csv"]


def test_a_file_keeps_its_rights_and_a_new_one_has_the_usual_ones(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("before")
    old.chmod(0o640)
    before = os.umask(0o027)
    try:
        write_whole(old, "after")
        write_whole(new, "after")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (old, new)] == [0o640, 0o640]
    assert old.read_text() == "after"


def test_a_link_goes_on_leading_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "figures.csv", tmp_path / "link"
    target.write_text("before")
    link.symlink_to(target)
    write_whole(link, "after")
    assert link.is_symlink()
    assert target.read_text() == "after"


def test_what_is_no_plain_file_is_written_to_as_it_is() -> None:
    write_whole("/dev/null", "gone")
    assert not Path("/dev/null").is_file()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "no" / "figures.csv", "x")
