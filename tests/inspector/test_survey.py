"""What a look tells is what is so, and it is bounded."""

import json
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    Backoff,
    ChildSpec,
    Context,
    Intensity,
    Limits,
    Request,
    Turn,
    open_supervisor,
)
from greenroom.inspector import Frame, Row, _survey
from greenroom.inspector._ages import MOST_LOOKS
from greenroom.inspector._converter import structure_frame
from greenroom.inspector._frame import MOST_BYTES, MOST_STACK, MOST_TEXT
from greenroom.inspector._rank import RANKS, rank_of
from greenroom.inspector._row import cut_begin
from greenroom.inspector._survey import Survey
from greenroom.inspector._view import View


class Worker(Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> None:
        if message == "hang":
            await in_here()
        elif isinstance(message, ActorRef):
            await message.ask(Get())
        elif message != "fine":
            raise ValueError(message)


class Get(Request[None]):
    pass


async def in_here() -> None:
    await trio.sleep_forever()


class Slow(Actor[str]):
    async def startup(self, ctx: Context) -> None:
        await trio.sleep(100)


async def waits(_ctx: Context) -> None:
    await trio.sleep_forever()


async def look(survey: Survey, **view: Any) -> Frame:
    line = await survey.look(View(**view))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(line) <= MOST_BYTES
    return structure_frame(json.loads(line))


def rows_of(frame: Frame) -> dict[str, Row]:
    return {row.name: row for row in frame.rows}


async def test_a_frame_says_of_each_actor_what_its_snapshot_says() -> None:
    async with open_supervisor("stage", limits=Limits(stale_after=2, reap_every=None)) as root:
        team = root.start_supervisor("team", [ChildSpec("x", Worker), ChildSpec("y", Worker)])
        await team.wait_ready()
        slow = root.start_soon(Slow, name="slow")
        slow.tell("one")
        again = await root.start(Worker, name="again", restart="permanent")
        again.tell("broken")
        await root.start(waits, name="f")
        await trio.sleep(3)
        frame = await look(Survey(root))
        infos = list(root.snapshot().walk())
        assert [row.path for row in frame.rows] == [info.path for info in infos]
        for row, info in zip(frame.rows, infos, strict=True):
            assert (row.name, row.uid, row.kind, row.incarnation) == (info.name, info.uid, info.kind, info.incarnation)
            assert (row.restarts, row.queued, row.stale) == (info.restarts, info.queued, info.stale)
            assert row.waiting_for == list(info.waiting_for)
            assert row.state == ("running" if info.name == "f" else info.lifecycle)
            assert (row.children, row.hidden) == (len(info.children), 0)
        rows = rows_of(frame)
        assert rows["again"].last_error == "crashed: ValueError: broken"
        assert rows["slow"].in_state == pytest.approx(3, abs=0.2)
        assert frame.states == {"ready": 5, "initializing": 1, "running": 1}
        assert (frame.actors, frame.matching, frame.queued, frame.stale) == (7, 7, 1, 1)
        await slow.kill()
        root.reports.drain()


async def test_restarts_in_the_window_are_those_that_count_now() -> None:
    async with open_supervisor("stage", intensity=Intensity(3, 10)) as root:
        survey = Survey(root)
        shared = await root.start(Worker, name="shared", restart="permanent")
        other = await root.start(Worker, name="other", restart="permanent")
        own = await root.start(Worker, name="own", restart="permanent", intensity=Intensity(5, 100))
        off = await root.start(Worker, name="off", restart="permanent", backoff=Backoff(50, 50))
        for ref in (shared, other, own, own, off):
            ref.tell("broken")
            await trio.testing.wait_all_tasks_blocked()
        for passed, counts in ((0, (1, 2, 1, 2)), (11, (0, 2, 1, 0)), (100, (0, 0, 1, 0))):
            await trio.sleep(passed)
            rows = rows_of(await look(survey))
            told = [rows[name].recent for name in ("shared", "own", "off")]
            assert [each and (each.count, each.most, each.within) for each in told] == [
                (counts[0], 3, 10),
                (counts[1], 5, 100),
                (counts[2], None, None),
            ]
            below = rows["stage"].recent_below
            assert below is not None
            assert (below.count, below.most, below.within) == (counts[3], 3, 10)
            assert rows["stage"].recent is None
        root.reports.drain()


async def test_the_age_of_the_oldest_mail_is_known_to_one_look_and_never_too_high() -> None:
    async with open_supervisor("stage") as root, trio.open_nursery() as nursery:
        survey = Survey(root)
        nursery.start_soon(survey.keep_looking)
        jam = await root.start(Worker, name="jam")
        jam.tell("hang")
        await trio.sleep(10)
        told = trio.current_time()
        for passed in (0.6, 1, 3, 30):
            jam.tell("fine")
            await trio.sleep(passed)
            row = rows_of(await look(survey))["jam"]
            waited = trio.current_time() - told
            assert row.oldest_mail is not None
            assert waited - _survey.EVERY - 0.3 <= row.oldest_mail <= waited
            assert row.in_hand is not None
            assert waited + 10 - _survey.EVERY - 0.3 <= row.in_hand <= waited + 10
        assert "in in_here" in row.stack
        assert row.stack.startswith("its message, at\n")
        await jam.kill()
        assert "jam" not in rows_of(await look(survey))
        nursery.cancel_scope.cancel()


class Gated(Actor[Any]):
    """Let one message through at a time."""

    gates: list[trio.Event]
    taken: list[int]

    async def receive(self, message: int, ctx: Context) -> None:
        self.taken.append(message)
        await self.gates[message].wait()


@pytest.mark.parametrize("urgent", [False, True])
async def test_an_age_is_that_of_what_waits_now_and_not_of_what_was_taken(urgent: bool) -> None:
    Gated.gates = [trio.Event() for _ in range(30)]
    Gated.taken = []
    async with open_supervisor("stage") as root:
        survey = Survey(root)
        ref = await root.start(Gated, name="ref")
        came: dict[int, float] = {}
        for number in range(30):
            ref.tell(number, urgent=urgent and number % 3 == 1)
            came[number] = trio.current_time()
            await trio.sleep(1)
            await look(survey)
            if number == 20:
                for gate in Gated.gates[:12]:
                    gate.set()
                await trio.testing.wait_all_tasks_blocked()
        row = rows_of(await look(survey))["ref"]
        assert 1 < len(Gated.taken) < 15
        waited = trio.current_time() - min(came[number] for number in range(30) if number not in Gated.taken)
        assert row.oldest_mail is not None
        # What came in the midst of a long jam is known by those looks that have not been forgotten.
        assert (0.6 * waited if urgent else waited - 1.5) <= row.oldest_mail <= waited
        for gate in Gated.gates:
            gate.set()


async def test_where_a_stuck_one_is_at_is_shown_and_whom_it_waits_for() -> None:
    async with open_supervisor("stage") as root:
        survey = Survey(root)
        hangs = await root.start(Worker, name="hangs")
        hangs.tell("hang")
        asks = await root.start(Worker, name="asks")
        asks.tell(hangs)
        await root.start(waits, name="function")
        await trio.sleep(1)
        await look(survey)
        await trio.sleep(2)
        rows = rows_of(await look(survey))
        assert rows["asks"].waiting_for == ["/stage/hangs"]
        assert "in Worker.receive" in rows["asks"].stack
        assert "in in_here" in rows["hangs"].stack
        assert rows["function"].stack == ""
        assert "in waits" in rows_of(await look(survey, select="/stage/function"))["function"].stack
        await hangs.kill()


async def test_what_a_start_is_at_is_shown() -> None:
    async with open_supervisor("stage") as root:
        slow = root.start_soon(Slow, name="slow")
        await trio.sleep(2)
        row = rows_of(await look(Survey(root)))["slow"]
        assert row.stack.startswith("its startup, at\n")
        assert "in Slow.startup" in row.stack
        await slow.kill()


class Fails(Agent[str]):
    async def turn(self, turn: Turn[str], ctx: Context) -> str:
        raise ValueError("a turn")


async def test_the_last_error_of_an_agent_is_that_of_its_last_turn_and_of_the_ended_their_reason() -> None:
    async with open_supervisor("stage") as root:
        agent = await root.start(Fails, name="agent", on_error={ValueError: "resume"})
        agent.tell("go")
        await trio.testing.wait_all_tasks_blocked()
        gone = await root.start(Worker, name="gone", restart="temporary")
        gone.tell("broken")
        await gone.wait_stopped()
        await trio.sleep(2)
        frame = await look(Survey(root))
        assert rows_of(frame)["agent"].last_error == "ValueError: a turn"
        (ended,) = frame.ended
        assert (ended.path, ended.reason, ended.failed) == ("/stage/gone", "crashed: ValueError: broken", True)
        assert ended.ago == pytest.approx(2, abs=0.2)
        root.reports.drain()


@pytest.mark.parametrize("per_step", [1, 3, 512])
async def test_where_there_is_no_room_for_all_those_that_are_worth_most_are_shown_and_the_rest_is_counted(
    monkeypatch: pytest.MonkeyPatch, per_step: int
) -> None:
    monkeypatch.setattr(_survey, "PER_STEP", per_step)
    monkeypatch.setattr(_survey, "ROWS_PER_STEP", per_step)
    async with open_supervisor("stage") as root:
        survey = Survey(root)
        for number in range(40):
            await root.start(Worker, name=f"w{number}")
        team = root.start_supervisor("team", [ChildSpec(f"t{number}", Worker) for number in range(20)])
        await team.wait_ready()
        hangs = root.lookup("team/t13")
        hangs.tell("hang")
        for _ in range(3):
            root.lookup("w33").tell("hang")
        await trio.sleep(1)
        await look(survey)
        await trio.sleep(2)
        frame = await look(survey, rows=3)
        assert [row.path for row in frame.rows] == ["/stage", "/stage/w33", "/stage/team", "/stage/team/t13"]
        assert [row.hidden for row in frame.rows] == [39, 0, 19, 0]
        assert (frame.actors, frame.matching) == (62, 62)
        found = await look(survey, search="TEAM/t1 ready")
        assert [row.name for row in found.rows if row.kind == "actor"] == [
            "t1",
            *(f"t{n}" for n in range(10, 20) if n != 13),
        ]
        assert found.matching == 10
        assert (await look(survey, search="nobody")).rows == []
        assert [row.name for row in (await look(survey, search="running")).rows] == ["stage", "w33", "team", "t13"]
        chosen = await look(survey, rows=1, select="/stage/w7")
        assert [row.name for row in chosen.rows] == ["stage", "w7"]
        await hangs.kill()
        await root.lookup("w33").kill()


async def test_a_frame_has_a_largest_size_whatever_there_is_to_tell() -> None:
    async with open_supervisor("stage", intensity=Intensity(10_000, 1)) as root:
        refs = [await root.start(Worker, name=f"w{number}", restart="permanent") for number in range(500)]
        for ref in refs:
            ref.tell("\x00é" * 1_000)
        await trio.testing.wait_all_tasks_blocked()
        frame = await look(Survey(root))
        assert 50 < len(frame.rows) < 500
        assert frame.rows[0].hidden == 500 - (len(frame.rows) - 1)
        assert all(len(row.last_error) <= MOST_TEXT for row in frame.rows)
        root.reports.drain()


async def test_a_tree_that_lies_deep_is_looked_at_all_the_same() -> None:
    depth = 120

    async def nests(ctx: Context, left: int) -> None:
        if left:
            ctx.start_soon(nests, left - 1, name="n" * 60)
        await trio.sleep_forever()

    async with open_supervisor("stage") as root:
        await root.start(nests, depth, name="first")
        await trio.testing.wait_all_tasks_blocked()
        frame = await look(Survey(root))
        assert frame.actors == depth + 2
        assert all(len(row.path) <= 4_096 for row in frame.rows)
        assert frame.rows[-1].hidden == 1


async def test_the_program_has_its_time_between_the_steps_of_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of processor time is one that goes on by a millisecond with each reading."""
    monkeypatch.setattr(_survey, "PER_STEP", 10)
    ticks = iter(range(1_000_000))
    monkeypatch.setattr(_survey, "thread_time", lambda: next(ticks) * 0.001)
    async with open_supervisor("stage") as root:
        for number in range(99):
            await root.start(Worker, name=f"w{number}")
        survey = Survey(root)
        steps = 0
        began = trio.current_time()

        async def count() -> None:
            nonlocal steps
            while True:
                await trio.sleep(_survey.EASE * 0.001)
                steps += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(count)
            await look(survey)
            nursery.cancel_scope.cancel()
        taken = trio.current_time() - began
        assert taken >= 10 * _survey.EASE * 0.001
        assert steps >= 9
        began = trio.current_time()
        await look(survey)
        assert trio.current_time() - began >= 11 * _survey.EASE * 0.001  # the last step of the look before counts, too


async def test_who_ends_and_who_comes_during_a_look_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_survey, "PER_STEP", 2)
    monkeypatch.setattr(_survey, "ROWS_PER_STEP", 1)
    async with open_supervisor("stage") as root:
        refs = [await root.start(Worker, name=f"w{number}") for number in range(20)]
        survey = Survey(root)
        sleep = trio.sleep
        number = 0

        async def disturb(seconds: float) -> None:
            nonlocal number
            await sleep(seconds)
            if refs:
                await refs.pop(number * 7 % len(refs)).kill()
                await root.start(Worker, name=f"n{number}")
                number += 1

        monkeypatch.setattr(trio, "sleep", disturb)
        frame = await look(survey)
        monkeypatch.setattr(trio, "sleep", sleep)
        assert number > 10
        stayed = {info.name for info in root.snapshot().walk() if info.name[0] != "n"}
        assert stayed <= {row.name for row in frame.rows}
        assert len({row.uid for row in frame.rows}) == len(frame.rows)
        root.reports.drain()


async def test_what_is_remembered_of_mailboxes_does_not_grow() -> None:
    async with open_supervisor("stage") as root:
        survey = Survey(root)
        jam = await root.start(Worker, name="jam")
        jam.tell("hang")
        for number in range(200):
            jam.tell("fine")
            child = await root.start(Worker, name=f"w{number}")
            child.tell("hang")
            await trio.sleep(1)
            await look(survey, rows=2)
            await child.kill()
        await look(survey)
        (mark,) = survey._ages._marks.values()
        assert len(mark.looks) <= MOST_LOOKS
        row = rows_of(await look(survey))["jam"]
        assert row.oldest_mail is not None
        assert row.oldest_mail >= 199
        await jam.kill()
        await look(survey)
        assert len(survey._ages) == 0
        root.reports.drain()


async def test_looking_changes_nothing() -> None:
    async with open_supervisor("stage") as root:
        ref = await root.start(Worker, name="w", restart="permanent")
        ref.tell("broken")
        await trio.testing.wait_all_tasks_blocked()
        slots = [root.ref._slot, ref._slot]
        before = [(slot.generation, slot.more and slot.more.family and slot.more.family) for slot in slots]
        await look(Survey(root))
        assert [(slot.generation, slot.more and slot.more.family and slot.more.family) for slot in slots] == before
        quiet = root.start_soon(Worker, name="quiet")
        await trio.testing.wait_all_tasks_blocked()
        await look(Survey(root), select="/stage/quiet")
        assert quiet._slot.more is None
        root.reports.drain()


def test_ranks_are_in_order() -> None:
    worst_first = [
        rank_of("stopping", stale=True, stuck=False, queued=0, failed=False, restarts=0),
        rank_of("restarting", stale=False, stuck=False, queued=5, failed=True, restarts=1),
        rank_of("running", stale=False, stuck=True, queued=1, failed=False, restarts=0),
        rank_of("queued", stale=False, stuck=False, queued=9, failed=False, restarts=0),
        rank_of("ready", stale=False, stuck=False, queued=9, failed=False, restarts=3),
        rank_of("ready", stale=False, stuck=False, queued=1, failed=True, restarts=3),
        rank_of("ready", stale=False, stuck=False, queued=0, failed=True, restarts=3),
        rank_of("ready", stale=False, stuck=False, queued=0, failed=False, restarts=3),
        rank_of("ready", stale=False, stuck=False, queued=0, failed=False, restarts=0),
    ]
    assert worst_first == sorted(worst_first, reverse=True)
    assert len(set(worst_first)) == len(worst_first)
    assert len(RANKS) == 8


def test_of_a_long_stack_the_innermost_frames_are_kept() -> None:
    stack = "its message, at\n" + "\n".join(f"    file.py:{number} in f{number}" for number in range(1_000))
    cut = cut_begin(stack)
    assert len(cut) <= MOST_STACK
    assert cut.startswith("its message, at\n    …\n    file.py:")
    assert cut.endswith("in f999")
    assert cut_begin("short") == "short"
