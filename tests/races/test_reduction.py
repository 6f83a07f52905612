"""Reductions: what is spared differs from what is run in the order of steps that do not meet, and no way to fail is lost."""

from functools import partial
from math import inf
from random import random, uniform
from typing import Any

import pytest
import trio

from greenroom import Actor, Context, Request, ask_many, open_supervisor
from greenroom.races import SharingFound, Sim, prove
from greenroom.races import _effects as effects_module
from greenroom.races import _footprints as footprints_module
from greenroom.races import _reduced as reduced_module

from .pooled_trees import draw_pooled
from .reductions import compare, plain_kinds, reduced_kinds
from .small_trees import draw_tree


class Counts(Actor[int]):
    """Take some steps for each message."""

    own_task = True

    def __init__(self, steps: int = 2) -> None:
        self.steps = steps

    async def receive(self, message: int, ctx: Context) -> None:
        for _ in range(self.steps):
            await trio.lowlevel.checkpoint()


class Shares(Counts):
    """Do so in a task that it shares with others."""

    own_task = False


class Looks(Actor[int]):
    """Take a step more if somebody else has come first."""

    own_task = True

    def __init__(self, seen: list[int]) -> None:
        self.seen = seen

    async def receive(self, message: int, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()
        if self.seen:
            await trio.lowlevel.checkpoint()
        self.seen.append(message)


async def apart(sim: Sim, actor: Any, number: int, *args: Any) -> None:
    """Let some actors work, each on its own mail."""
    async with open_supervisor("t") as root:
        for index in range(number):
            ref = root.start_soon(actor, *args, name=f"n{index}")
            ref.tell(index)
        await trio.sleep(1)


#: Drawn trees of actors that share their tasks, and bounds.
POOLED = [(5, 1), (17, 1), (1, 1), (6, 1), (8, 1), (23, 1)]
#: Drawn trees and bounds; None: any number of deviations, but only among actors.
COMPARED = [(1, 1), (5, 1), (7, 1), (11, 1), (1, None), (5, None), (7, None), (8, None), (10, 2), (10, 3)]


@pytest.mark.parametrize(("seed", "bound"), COMPARED)
def test_no_way_to_fail_is_lost_and_no_schedule(seed: int, bound: int | None) -> None:
    number, runs = compare(seed, bound)
    assert runs < number


@pytest.mark.parametrize(("seed", "ways"), [(1, 2), (5, 6), (7, 2)])
def test_the_trees_that_are_compared_fail_in_several_ways(seed: int, ways: int) -> None:
    assert len(reduced_kinds(draw_tree(seed), None)[0]) == ways


@pytest.mark.parametrize(("seed", "bound"), POOLED)
def test_no_way_to_fail_is_lost_of_actors_that_share_their_tasks(seed: int, bound: int) -> None:
    number, runs = compare(seed, bound, draw=draw_pooled)
    assert runs < number


def test_pooled_trees_fail_in_several_ways() -> None:
    assert all(len(reduced_kinds(draw_pooled(seed, most=3), 1)[0]) > 1 for seed, _ in POOLED[:3])


def test_actors_that_share_their_tasks_and_do_not_meet_need_a_fifth_of_the_schedules() -> None:
    """Which of the pool's tasks serves them makes no difference."""
    proof = prove(apart, Shares, 4, reduction=True)
    assert proof.is_complete
    assert proof.schedules + proof.spared >= 5 * proof.schedules


def test_nothing_is_spared_where_a_scenario_counts_the_steps() -> None:
    async def counts(sim: Sim) -> None:
        await apart(sim, Shares, 2)
        assert sim.steps > 0

    plain, proof = (prove(counts, deviations=1, reduction=reduction) for reduction in (False, True))
    assert (proof.schedules, proof.spared) == (plain.schedules, 0)


def test_actors_that_do_not_meet_need_a_fifth_of_the_schedules() -> None:
    proof = prove(apart, Counts, 2, 8, reduction=True)
    plain = prove(apart, Counts, 2, 8)
    assert proof.is_complete
    assert proof.schedules + proof.spared == plain.schedules
    assert plain.schedules >= 5 * proof.schedules
    assert proof.sampled == (proof.spared + proof.sampled) // reduced_module.SAMPLE
    assert (
        f"{proof.spared:,} more are equivalent to these if actors share nothing but mail, which is assumed "
        f"(tried out on {proof.sampled:,}); all of it controlled"
    ) in str(proof)


def test_actors_that_share_more_than_mail_are_found_out() -> None:
    async def shared(sim: Sim) -> None:
        await apart(sim, Looks, 2, [])

    with pytest.raises(SharingFound, match="actors share something besides mail; give reduction=False"):
        prove(shared, reduction=True)
    assert prove(shared).is_complete


def test_what_is_spared_is_tried_out_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduced_module, "SAMPLE", 3)
    proof = prove(apart, Counts, 2, deviations=1, reduction=True)
    assert proof.sampled == (proof.spared + proof.sampled) // 3 > 0
    assert proof.schedules + proof.spared == prove(apart, Counts, 2, deviations=1).schedules


class Locks(Actor[int]):
    """Meet others at a lock of Trio's."""

    own_task = True

    def __init__(self, lock: trio.Lock, order: list[int]) -> None:
        self.lock, self.order = lock, order

    async def receive(self, message: int, ctx: Context) -> None:
        async with self.lock:
            self.order.append(message)
            await trio.lowlevel.checkpoint()


class Draws(Actor[int]):
    """Meet others at Python's generator of random numbers."""

    own_task = True

    def __init__(self, draw: Any, drawn: dict[int, float]) -> None:
        self.draw, self.drawn = draw, drawn

    async def receive(self, message: int, ctx: Context) -> None:
        self.drawn[message] = self.draw()


@pytest.mark.parametrize("draw", [None, random, partial(uniform, 0, 1)], ids=["lock", "random", "uniform"])
def test_what_is_not_known_is_taken_to_meet_all(draw: Any) -> None:
    """Locks of Trio's, and random numbers: seen, as they are no plain objects."""

    async def meets(sim: Sim) -> None:
        order: list[int] = []
        drawn: dict[int, float] = {}
        if draw is None:
            await apart(sim, Locks, 2, trio.Lock(), order)
        else:
            await apart(sim, Draws, 2, draw, drawn)
            order = sorted(drawn, key=drawn.__getitem__)
        raise (LookupError if order[0] else KeyError)

    kinds, number = plain_kinds(meets, 1)
    found, runs, spared = reduced_kinds(meets, 1)
    assert len(kinds) == 2
    assert (found, runs + spared) == (kinds, number)


def test_a_task_that_is_no_actors_meets_all() -> None:
    async def plain(sim: Sim) -> None:
        async def work() -> None:
            for _ in range(2):
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(work)

    proof = prove(plain, deviations=None, reduction=True)
    assert (proof.schedules, proof.spared, proof.covered) == (20, 0, inf)


class Late(Actor[str]):
    """Fail if it hears of the second thing first."""

    def __init__(self) -> None:
        self.got: list[str] = []

    def receive(self, message: str, ctx: Context) -> None:
        self.got.append(message)


class Sends(Actor[str]):
    own_task = True

    def __init__(self, to: Any) -> None:
        self.to = to

    async def receive(self, message: str, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()
        self.to.tell(message)


async def second_comes_first(sim: Sim) -> None:
    async with open_supervisor("t") as root:
        late = root.start_soon(Late)
        for name in ("first", "second"):
            root.start_soon(Sends, late, name=name).tell(name)
        await trio.sleep(1)
        got = late._slot.actor.got
    assert got == ["first", "second"]


def test_what_a_mail_does_depends_on_whether_the_pool_is_at_work() -> None:
    kinds, number = plain_kinds(second_comes_first, 1)
    found, runs, spared = reduced_kinds(second_comes_first, 1)
    assert len(kinds) == 2
    assert (found, runs + spared) == (kinds, number)


@pytest.mark.parametrize("mode", ["shared", "isolated"])
def test_a_failure_is_found_shrunk_and_told_as_without_a_reduction(mode: Any) -> None:
    plain, proof = (prove(second_comes_first, reduction=reduction, mode=mode) for reduction in (False, True))
    assert plain.found is not None
    assert proof.found is not None
    assert proof.found.token == plain.found.token
    assert proof.found.is_least
    assert proof.schedules < plain.schedules


def test_both_backends_spare_the_same() -> None:
    gate, hook = (
        prove(apart, Counts, 2, deviations=1, reduction=True, backend=backend) for backend in ("gate", "hook")
    )
    assert (gate.schedules, gate.spared, gate.covered) == (hook.schedules, hook.spared, hook.covered)


def test_where_no_footprint_tells_of_a_step_all_are_run() -> None:
    """With two trees there are two run queues, and a foretold schedule knows one."""

    async def twice(sim: Sim) -> None:
        await apart(sim, Counts, 1, 0)
        await apart(sim, Counts, 1, 0)

    plain, proof = (prove(twice, deviations=1, reduction=reduction) for reduction in (False, True))
    assert (proof.schedules, proof.spared, proof.covered) == (plain.schedules, 0, 1)


class Leaf(Actor["Get"]):
    """Say when it was asked, of all that are."""

    def __init__(self, name: str, asked: list[str]) -> None:
        self.name, self.asked = name, asked

    async def receive(self, message: "Get", ctx: Context) -> str:
        self.asked.append(self.name)
        return self.name


class Get(Request[str]):
    """Ask for a name."""


class Mid(Actor[Get]):
    """Ask several at once."""

    def __init__(self, refs: list[Any]) -> None:
        self.refs = refs

    async def receive(self, message: Get, ctx: Context) -> str:
        return "".join(await ask_many([(ref, Get()) for ref in self.refs]))


async def asked_at_once(sim: Sim) -> None:
    """Fail if the second leaf is asked first."""
    asked: list[str] = []
    async with open_supervisor("t") as root:
        leaves = [root.start_soon(Leaf, name, asked, name=name) for name in "ab"]
        mids = [root.start_soon(Mid, leaves[::way], name=f"m{way}") for way in (1, -1)]
        assert await ask_many([(mid, Get()) for mid in mids]) == ["ab", "ba"]
    assert asked[:1] != ["b"]


def test_no_way_to_fail_is_lost_where_many_are_asked_at_once() -> None:
    kinds, number = plain_kinds(asked_at_once, 1)
    found, runs, spared = reduced_kinds(asked_at_once, 1)
    assert len(kinds) == 2
    assert (found, runs + spared) == (kinds, number)


def test_a_runtime_that_is_not_where_it_is_looked_for_spares_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its functions would pass for code of an actor, which touches nobody else."""
    monkeypatch.setattr(effects_module, "_RUNTIME", ("/elsewhere/",))
    monkeypatch.setattr(footprints_module, "_codes", effects_module.Codes)
    plain, proof = (prove(apart, Counts, 2, deviations=1, reduction=reduction) for reduction in (False, True))
    assert (proof.schedules, proof.spared, proof.covered) == (plain.schedules, 0, 1)


async def chooses(sim: Sim) -> None:
    assert sim.choose("abc") != "c"


@pytest.mark.parametrize("mode", ["shared", "isolated"])
def test_a_scenario_whose_last_step_touches_nothing_is_gone_through(mode: Any) -> None:
    proof = prove(chooses, reduction=True, mode=mode)
    assert proof.found is not None
    assert proof.found.result.schedule.deviations == {0: 2}


def test_a_reduction_that_runs_out_of_time_says_so() -> None:
    proof = prove(apart, Counts, 2, reduction=True, seconds=0)
    assert (proof.schedules, proof.spared, proof.is_complete) == (1, 0, False)


@pytest.mark.parametrize("how", ["always", "eventually", "external"])
def test_nothing_is_spared_where_a_scenario_looks_at_each_step_or_acts_between_two(how: str) -> None:
    begun: list[int] = []

    class Begins(Counts):
        async def receive(self, message: int, ctx: Context) -> None:
            begun.append(message)
            await trio.lowlevel.checkpoint()

    async def scenario(sim: Sim) -> None:
        begun.clear()
        if how == "always":
            sim.always(lambda: begun[:1] != [1])
        elif how == "eventually":
            sim.eventually(lambda: begun[:1] == [0], within=0.5)
        else:
            sim.external(lambda: begun.extend([9] if begun[:1] == [1] else []))
        await apart(sim, Begins, 2)
        assert 9 not in begun

    proofs = [prove(scenario, deviations=1, reduction=reduction) for reduction in (False, True)]
    found = [proof.found for proof in proofs]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].token == found[1].token
    assert [proof.spared for proof in proofs] == [0, 0]


def test_a_reduction_is_of_all_orders() -> None:
    with pytest.raises(ValueError, match=r"^prove: fidelity is 'trio'; with reduction=True give 'all'"):
        prove(partial(apart, actor=Counts, number=1), reduction=True, fidelity="trio")


def test_a_proof_may_be_of_the_orders_that_trio_may_take() -> None:
    async def scenario(sim: Sim) -> None:
        await apart(sim, Counts, 1)

    every, trios = (prove(scenario, deviations=1, fidelity=fidelity) for fidelity in ("all", "trio"))
    assert every.is_complete
    assert trios.is_complete
    assert trios.schedules < every.schedules
