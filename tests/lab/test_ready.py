"""The experiments that come with the lab: each loads, and shows on the real runtime what its page says that it teaches."""

import runpy
from pathlib import Path

import pytest
from attrs import evolve

from greenroom import ChildSpec, SupervisorSpec
from greenroom.lab import ActorModel, Experiment, InvalidExperiment, Results, Source, load, run
from greenroom.lab._ready import ready, ready_path
from greenroom.lab._simulated import stand_in

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "lab.md"
NAMES = ("dependents", "herd", "intensity", "queue", "stampede", "storm")


def outcome(name: str, horizon: float, *policies: str) -> Results:
    """One seed of some policies of a ready experiment, for a shorter time."""
    return run(evolve(load(ready_path(name)), seeds=1, horizon=horizon), workers=1, policies=policies)


def mean(results: Results, policy: str, measure: str) -> float:
    trials = results.of(policy)
    return sum(trial.measures[measure] for trial in trials) / len(trials)


def test_there_are_six_and_each_is_on_the_page() -> None:
    assert ready() == NAMES
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    for name in NAMES:
        experiment = load(ready_path(name))
        assert f"greenroom lab {name}" in page
        assert len(experiment.description) > 200
        assert len(experiment.compared) >= 3
        assert len(experiment.seeds) >= 10
        for policy in experiment.compared:
            assert policy in page


def test_an_unknown_name_is_refused_with_what_was_meant() -> None:
    with pytest.raises(ValueError, match=r'^there is no ready experiment \'strom\'; did you mean "storm"'):
        ready_path("strom")


def test_too_small_an_intensity_gives_up_and_too_large_a_one_hammers() -> None:
    found = outcome("intensity", 1_800.0, "1 in 5 s", "any number", "backoff")
    assert mean(found, "1 in 5 s", "escalations") >= 2
    assert mean(found, "1 in 5 s", "availability") < mean(found, "backoff", "availability") - 0.05
    assert mean(found, "any number", "wasted restarts") > 3 * mean(found, "backoff", "wasted restarts")


def test_jitter_takes_the_herd_apart() -> None:
    found = outcome("herd", 600.0, "backoff", "short backoff, jitter")
    assert mean(found, "backoff", "recovery max") > 1.5 * mean(found, "short backoff, jitter", "recovery max")


def test_rest_for_one_spares_the_dependents_their_failures() -> None:
    found = outcome("dependents", 1_800.0, "one_for_one", "rest_for_one")
    assert mean(found, "one_for_one", "lost") > 5
    assert mean(found, "rest_for_one", "lost") < 1
    assert mean(found, "one_for_one", "crashes") > mean(found, "rest_for_one", "crashes") + 2
    assert any("that it knew is gone" in each.text for trial in found.of("one_for_one") for each in trial.happenings)


def test_a_gate_that_fits_spares_the_stampede() -> None:
    found = outcome("stampede", 400.0, "no gate", "gate of 8", "gate of 2")
    assert mean(found, "no gate", "startups failed") > 100
    assert mean(found, "gate of 8", "startups failed") == 0
    assert mean(found, "gate of 8", "recovery max") < mean(found, "no gate", "recovery max")
    assert mean(found, "gate of 2", "recovery max") > mean(found, "gate of 8", "recovery max")


def test_a_storm_stays_where_the_backoff_is() -> None:
    found = outcome("storm", 500.0, "2 in 120 s everywhere", "backoff of workers")
    assert mean(found, "2 in 120 s everywhere", "escalations") >= 3
    assert mean(found, "2 in 120 s everywhere", "wasted restarts") > 10
    assert mean(found, "backoff of workers", "wasted restarts") == 0
    assert mean(found, "2 in 120 s everywhere", "lost") > mean(found, "backoff of workers", "lost")


def test_what_drops_the_oldest_is_late_least() -> None:
    found = outcome("queue", 150.0, "room for all", "reject", "drop_oldest", "wait")
    assert mean(found, "room for all", "lost") == mean(found, "wait", "lost") <= 2
    assert mean(found, "reject", "lost") > 20
    assert mean(found, "drop_oldest", "late") < mean(found, "reject", "late") < mean(found, "room for all", "late")
    assert mean(found, "room for all", "queued max") > 40 >= mean(found, "reject", "queued max")


def test_the_script_makes_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = runpy.run_path(str(ROOT / "examples" / "lab" / "reports.py"))
    assert script["main"]([str(tmp_path / "new"), "--only", "intensity", "--seeds", "1", "--workers", "1"]) == 0
    assert capsys.readouterr().out == "intensity: 40 figures, 0 significant differences\n"
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "intensity.csv",
        "intensity.html",
        "intensity.json",
    ]


def relying(relies: str | list[str]) -> Experiment:
    tree = SupervisorSpec("shop", [ChildSpec("store", stand_in), ChildSpec("api", stand_in)])
    return Experiment(
        name="relying",
        tree=tree,
        horizon=100.0,
        actors={"api": ActorModel(relies=relies)},
        workload={"calls": Source(to="api", every=10.0)},
    )


@pytest.mark.parametrize(
    ("relies", "text"),
    [
        ("stor", "actors.api.relies: there is no actor 'stor'; did you mean 'store'?"),
        (["store", "api"], "actors.api.relies: 'api' would rely on itself"),
    ],
)
def test_who_is_relied_on_has_to_be_there_and_another(relies: str | list[str], text: str) -> None:
    with pytest.raises(InvalidExperiment) as caught:
        relying(relies)
    assert str(caught.value) == text


def test_who_relies_on_nobody_that_ended_goes_on() -> None:
    [trial] = run(relying("store"), workers=1).trials
    assert trial.measures["answered"] == trial.measures["asked"] == 10
    assert trial.measures["crashes"] == 0
