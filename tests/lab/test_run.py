"""Running an experiment: on one core or several, all of it or some policies, watched or not."""

import operator
import os
import pickle
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import trio

from greenroom import ChildSpec, SupervisorSpec, lab
from greenroom.lab import _run

from .trees import actor, experiment, tree, workers

TWO = {"one": lab.Policy(), "other": lab.Policy(strategy="one_for_all")}


def test_the_trials_come_in_the_order_of_the_experiment_and_are_told_as_they_are_done() -> None:
    told: list[tuple[int, int]] = []
    made = experiment(workers(1), policies=TWO, seeds=[5, 2])
    results = lab.run(made, workers=1, progress=lambda done, of: told.append((done, of)))
    assert told == [(done, 4) for done in range(5)]
    assert [(each.policy, each.seed) for each in results.trials] == [("one", 5), ("one", 2), ("other", 5), ("other", 2)]
    assert (results.policies, results.seeds) == (("one", "other"), (5, 2))
    assert results.of("other") == results.trials[2:]
    assert list(results.trials[0].measures) == list(lab.MEASURES)


def test_some_policies_can_be_run_alone() -> None:
    made = experiment(workers(1), policies=TWO)
    assert lab.run(made, workers=1, policies=["other"]).trials == lab.run(made, workers=1).of("other")
    with pytest.raises(lab.InvalidExperiment, match=r"policies: there is no policy 'anther'; did you mean 'other'\?"):
        lab.run(made, policies=["anther"])
    with pytest.raises(lab.InvalidExperiment, match="policies: none is asked for, so nothing would run"):
        lab.run(made, policies=[])


@pytest.mark.parametrize("given", [0, -1, 1.5, True, "2", 1_001])
def test_what_is_no_number_of_processes_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match=r"workers is .*; give a whole number from 1 to 1000, or None for all cores"):
        lab.run(experiment(workers(1)), workers=given)


def test_what_is_no_experiment_is_refused() -> None:
    with pytest.raises(TypeError, match=r"run: 'herd.toml' is no Experiment; make one, or load\(\) it from a file"):
        lab.run("herd.toml")  # type: ignore[arg-type]


async def test_inside_a_trio_run_it_says_how_it_is_called_there() -> None:
    with pytest.raises(RuntimeError, match=r"run: .* inside Trio, call it by trio\.to_thread\.run_sync"):
        lab.run(experiment(workers(1)), workers=1)


def test_what_actors_are_made_of_need_not_be_known_to_other_processes() -> None:
    root = SupervisorSpec("t", [ChildSpec("w0", lambda: None, args=(object(),))])
    made = lab.Experiment(name="x", tree=root, horizon=5)
    sent = pickle.loads(pickle.dumps(made))  # noqa: S301 -- our own
    assert repr(lab.run(sent, workers=1).trials) == repr(lab.run(made, workers=1).trials)


def test_an_experiment_that_other_processes_cannot_know_is_an_error_that_says_so() -> None:
    class Hidden(Exception):
        pass

    made = experiment(tree(actor("w0", on_error={Hidden: "resume"})), seeds=2)
    with pytest.raises(lab.InvalidExperiment, match=r"cannot be sent to another process \(.*Hidden.*or workers=1"):
        lab.run(made, workers=2)
    assert len(lab.run(made, workers=1).trials) == 2


def test_an_error_of_a_trial_in_another_process_names_the_trial() -> None:
    endless = experiment(workers(1, startup="deferred"), actors={"*": lab.ActorModel(startup_failure=1)}, seeds=2)
    with pytest.raises(lab.TrialEndless, match=r"policy 'as it is', seed [12]: at 0 s") as raised:
        lab.run(endless, workers=2)
    assert raised.value.at == 0


@pytest.mark.parametrize("workers_", [1, 2])
def test_what_progress_raises_ends_the_trials_that_are_under_way(workers_: int) -> None:
    # One of the policies is done at once, the other would crash a hundred million times.
    policies = {"quick": lab.Policy(restart="temporary"), "endless": lab.Policy()}
    model = lab.ActorModel(lifetime=0.001)
    made = experiment(workers(1), horizon=100_000, actors={"*": model}, policies=policies)

    def enough(done: int, _of: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lab.run(made, workers=workers_, progress=enough)


def test_what_goes_wrong_in_a_trial_is_an_error_that_names_it() -> None:
    made = experiment(workers(1), seeds=2)
    # As if a check had been forgotten: nobody can connect to what is not there.
    made.actors["*"] = lab.ActorModel(needs="nothing")
    with pytest.raises(lab.TrialFailed, match=r"\Apolicy 'as it is', seed 1: 'nothing'"):
        lab.run(made, workers=1)
    elsewhere: Future[lab.Trial] = Future()
    elsewhere.set_exception(KeyError("nothing"))
    with pytest.raises(lab.TrialFailed, match=r"\Apolicy 'p', seed 2: 'nothing'"):
        _run._trial_of(elsewhere, ("p", 2))


def test_a_process_that_ends_without_a_word_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run, "_work", operator.call)
    jobs: list[Any] = [(os._exit, 1)] * 2
    with pytest.raises(lab.TrialFailed, match="a process that ran trials has ended without a word"):
        list(_run._together(experiment(workers(1)), jobs, 2))


def test_a_script_runs_on_several_cores(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from greenroom import ChildSpec, SupervisorSpec, lab\n"
        "def make(): ...\n"
        "if __name__ == '__main__':\n"
        "    tree = SupervisorSpec('t', [ChildSpec('a', make)])\n"
        "    made = lab.Experiment(name='x', tree=tree, horizon=5, seeds=3)\n"
        "    print(len(lab.run(made, workers=2).trials))\n"
    )
    done = subprocess.run([sys.executable, "-P", str(script)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("3\n", "")


def test_a_version_of_trio_that_cannot_be_ordered_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(trio._core._run, "_ALLOW_DETERMINISTIC_SCHEDULING")
    with pytest.raises(lab.UnknownTrio, match="install one that greenroom is tested with"):
        lab.run(experiment(workers(1)), workers=1)


def test_a_policy_that_is_named_twice_counts_once() -> None:
    found = lab.run(experiment(workers(1), policies={"p": lab.Policy()}), workers=1, policies=["p", "p"])
    assert (found.policies, len(found.trials)) == (("p",), 1)


def test_one_string_is_no_list_of_names() -> None:
    made = experiment(workers(1), policies={"p": lab.Policy()})
    with pytest.raises(lab.InvalidExperiment, match=r"policies: 'p' is one string, .*; give a list: \['p'\]"):
        lab.run(made, workers=1, policies="p")
    with pytest.raises(ValueError, match=r"'restarts' is one string, .*; give a list: \['restarts'\]"):
        lab.estimate(lab.run(made, workers=1), measures="restarts")


def test_a_trial_that_cannot_be_run_says_what_it_failed_with(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ExceptionGroup("a nursery", [ExceptionGroup("another one", [OverflowError("too large")])])

    monkeypatch.setattr(_run, "run_trial", broken)
    with pytest.raises(lab.TrialFailed, match=r"\Apolicy 'as it is', seed 1: too large\Z"):
        lab.run(experiment(workers(1)), workers=1)
