from contextlib import suppress
from random import Random
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorCrashed,
    ActorRef,
    ActorStopped,
    ActorStopping,
    Agent,
    ChildEnded,
    Completed,
    Context,
    Errored,
    Idle,
    Intensity,
    Interrupted,
    NoActiveTurn,
    NotInTurn,
    Request,
    Running,
    StartupInProgress,
    Turn,
    TurnFinished,
    TurnHandle,
    TurnInProgress,
    TurnInterrupted,
    TurnOutcome,
    open_supervisor,
)
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


class Ask(Request[Any]):
    pass


class Scripted(Agent[Any]):
    """Do in each turn what the next entry of a script says; keep what each turn saw."""

    def __init__(self, script: list[Any], saw: list[Any] | None = None) -> None:
        self.script = script
        self.saw: list[Any] = [] if saw is None else saw

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        self.saw.append([mail.message for mail in turn.mail])
        if self.script:
            return await self.script.pop(0)(turn, ctx)
        return "done"


def messages(mails: list[Any]) -> list[Any]:
    return [mail.message for mail in mails]


class Gate:
    """Be a turn that waits to be let go."""

    def __init__(self, result: Any = "let go") -> None:
        self.go = trio.Event()
        self.result = result

    async def __call__(self, turn: Turn[Any], ctx: Context) -> Any:
        await self.go.wait()
        return self.result


# -- P20


@pytest.mark.parametrize("own_task", [False, True])
async def test_an_actor_handles_one_message_at_a_time(own_task: bool) -> None:
    """P20."""
    active = most = handled = 0

    class Slow(Actor[int]):
        async def receive(self, message: int, ctx: Context) -> None:
            nonlocal active, most, handled
            active += 1
            most = max(most, active)
            await trio.sleep(message)
            active -= 1
            handled += 1

    Slow.own_task = own_task
    async with open_tree("stage") as root:
        ref = root.start_soon(Slow)
        ref.tell(1)  # there before it is ready

        async def tell(seconds: float) -> None:
            await trio.sleep(seconds)
            ref.tell(1, urgent=seconds > 5)

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(tell, number / 2)
        await trio.sleep(30)
        assert (most, handled) == (1, 21)


async def test_an_agent_has_one_turn_at_a_time_whoever_asks() -> None:
    """P20: mail, asks, direct turns and steers at once."""
    active = most = 0

    class Busy(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            nonlocal active, most
            active += 1
            most = max(most, active)
            await trio.sleep(0.3)
            active -= 1

    async with open_tree("stage") as root:
        ref = await root.start(Busy)
        refused = 0

        async def press(number: int) -> None:
            nonlocal refused
            await trio.sleep(number / 7)
            match number % 4:
                case 0:
                    ref.tell(number)
                case 1:
                    await ref.ask(Ask())
                case 2:
                    try:
                        await ref.run_turn(number)
                    except TurnInProgress:
                        refused += 1
                case _:
                    try:
                        ref.steer(number)
                    except NoActiveTurn:
                        refused += 1

        async with trio.open_nursery() as nursery:
            for number in range(40):
                nursery.start_soon(press, number)
        await trio.sleep(10)
        assert most == 1
        assert refused > 0
        root.reports.drain()


async def test_no_turn_before_ready() -> None:
    """P20."""
    order: list[str] = []

    class Late(Agent[Any]):
        async def startup(self, ctx: Context) -> None:
            await trio.sleep(1)
            order.append("ready")

        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            order.append("turn")

    async with open_tree("stage") as root:
        ref = root.start_soon(Late)
        ref.tell("early")
        with pytest.raises(StartupInProgress, match="startup is still in progress") as caught:
            ref.start_turn("too early")
        assert caught.value.message == "too early"
        with pytest.raises(StartupInProgress):
            await ref.run_turn("too early")
        with pytest.raises(NoActiveTurn):
            ref.steer("too early")
        await trio.sleep(2)
        assert order == ["ready", "turn"]
        assert ref._slot.box.seq == 1


@pytest.mark.parametrize("kind", ["pool", "own task", "agent"])
async def test_no_turn_begins_after_a_stop_was_requested(kind: str) -> None:
    """P20."""
    begun: list[Any] = []

    class Plain(Actor[Any]):
        own_task = kind == "own task"

        async def receive(self, message: Any, ctx: Context) -> None:
            begun.append(message)
            if message == "stop":
                ctx.ref.request_stop()
            await trio.sleep(1)

    class Thinker(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            begun.extend(messages(list(turn.mail)))
            ctx.ref.request_stop()
            await trio.sleep(1)

    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        ref = root.start_soon(Thinker if kind == "agent" else Plain)
        await settle()
        ref.tell("stop")
        if kind != "agent":
            ref.tell("more")
            ref.tell("urgent", urgent=True)
        await trio.sleep(5)
        assert begun == (["stop"] if kind == "agent" else ["urgent", "stop"])
        assert ref.lifecycle == "stopped"
        root.reports.drain()


@pytest.mark.parametrize("kind", ["pool", "agent"])
async def test_ctx_stop_ends_after_the_message_in_hand(kind: str) -> None:
    """P20: and what it has noted is how it ends."""
    begun: list[Any] = []

    class Plain(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> None:
            begun.append(message)
            ctx.stop("result")
            await trio.sleep(1)
            begun.append("end of it")

    class Thinker(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            await Plain().receive(turn.mail[0].message, ctx)

    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        ref = root.start_soon(Thinker if kind == "agent" else Plain)
        ref.tell(1)
        await settle()
        ref.tell(2)
        await trio.sleep(5)
        assert begun == [1, "end of it"]
        assert ref.status == Completed("result")
        assert dict(root.dead_letters.counts) == {"stopped": 1}
        root.reports.drain()


# -- P21


async def test_a_turn_drains_what_has_arrived_since_in_order() -> None:
    """P21: steered input first, then mail and reports in order."""
    saw: list[Any] = []
    go = trio.Event()

    async def helper(_ctx: Context) -> None:
        pass

    async def first(turn: Turn[Any], ctx: Context) -> str:
        await go.wait()
        assert turn.steered()
        saw.append([(mail.kind, mail.message if mail.kind != "report" else "ended") for mail in turn.drain()])
        assert turn.drain() == []
        ctx.start_soon(helper)
        ctx.ref.tell("b")
        await settle()
        ctx.ref.tell("c")
        saw.append([mail.kind for mail in turn.drain()])
        assert turn.commit() == 7
        assert turn.commit() == 0
        return "answer"

    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [first])
        ref.tell("begin")
        await settle()
        ref.tell("a")
        ref.tell("q", trigger_turn=False)
        ref.tell("u", urgent=True)
        seq = ref.steer("left")
        assert seq == 5
        go.set()
        await trio.sleep(1)
        assert saw == [
            [("steer", "left"), ("message", "u"), ("message", "a"), ("message", "q")],
            ["message", "report", "message"],
        ]
        assert ref.status == Completed("answer")
        root.reports.drain()


async def test_after_the_answer_new_mail_waits_for_the_next_turn() -> None:
    """P21."""
    saw: list[Any] = []
    turns: list[Turn[Any]] = []

    async def first(turn: Turn[Any], _ctx: Context) -> None:
        turns.append(turn)

    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [first], saw)
        ref.tell("a")
        await settle()
        for call in (turns[0].drain, turns[0].commit):
            with pytest.raises(NotInTurn, match="turn 1 is over"):
                call()
        ref.tell("b")
        await settle()
        assert saw == [["a"], ["b"]]
        root.reports.drain()


async def test_a_steer_that_the_turn_does_not_drain_starts_the_next() -> None:
    """P14, P21."""
    saw: list[Any] = []
    gate = Gate()
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [gate], saw)
        ref.tell("a")
        await settle()
        ref.steer("left")
        gate.go.set()
        await settle()
        assert saw == [["a"], ["left"]]
        root.reports.drain()


@pytest.mark.parametrize("outcome", ["interrupted", "errored"])
async def test_what_was_drained_and_not_committed_goes_back_in_order(outcome: str) -> None:
    """P14, P21, P22: mail, steers and reports, before what has come since; what was committed does not."""
    saw: list[Any] = []
    kinds: list[Any] = []
    drained, go = trio.Event(), trio.Event()

    async def helper(_ctx: Context, number: int) -> int:
        return number

    async def first(turn: Turn[Any], ctx: Context) -> None:
        ctx.ref.tell("kept")
        turn.drain()
        turn.commit()
        ctx.start_soon(helper, 1)
        await settle()
        ctx.ref.tell("a")
        ctx.start_soon(helper, 2)
        await settle()
        ctx.ref.tell("b", urgent=True)
        ctx.ref.steer("s")
        turn.drain()
        ctx.ref.tell("later")
        ctx.start_soon(helper, 3)
        await settle()
        drained.set()
        await go.wait()
        raise OSError("turn failed")

    async def second(turn: Turn[Any], _ctx: Context) -> None:
        for mail in turn.drain():
            assert isinstance(mail.message, ChildEnded)
            kinds.append(mail.message.reason.result)  # type: ignore[union-attr]

    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [first, second], saw)
        ref.tell("begin")
        await drained.wait()
        if outcome == "interrupted":
            await ref.interrupt()
        go.set()
        await settle()
        assert saw == [["begin"], ["s", "b", "a", "later"]]
        assert kinds == [1, 2, 3]
        assert root.dead_letters.total == 0
        root.reports.drain()


async def test_what_was_drained_goes_to_the_next_incarnation_when_the_agent_crashes() -> None:
    """P14: what started the turn is done with; what was drained and not committed is not."""
    saw: list[Any] = []

    async def first(turn: Turn[Any], ctx: Context) -> None:
        ctx.ref.tell("a")
        ctx.ref.tell("b")
        turn.drain()
        ctx.ref.tell("c")
        ctx.ref.crash(OSError("crash"))
        await trio.sleep(1)

    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [first], saw, restart="permanent")
        ref.tell("begin")
        await trio.sleep(5)
        assert saw == [["begin"], ["a", "b", "c"]]
        assert root.dead_letters.total == 0
        assert ref.incarnation == 2
        root.reports.drain()


async def test_what_was_drained_is_a_dead_letter_when_the_agent_stops() -> None:
    """P14, P16."""

    async def first(turn: Turn[Any], ctx: Context) -> None:
        ctx.ref.tell("a")
        turn.drain()
        await trio.sleep_forever()

    async with open_tree("stage", dead_letters={"stopped": 1}) as root:
        ref = await root.start(Scripted, [first])
        ref.tell("begin")
        await settle()
        await ref.kill()
        assert dict(root.dead_letters.counts) == {"stopped": 1}
        root.reports.drain()


# -- direct turns


async def test_a_direct_turn_gives_its_result() -> None:
    """P23."""
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [])
        assert await ref.run_turn("now") == "done"
        handle = ref.start_turn("again")
        assert handle.id == 2
        assert not handle.is_done
        assert repr(handle) == f"<TurnHandle {ref.path} turn 2 running>"
        assert await handle.outcome() == TurnOutcome("completed", "done")
        assert handle.is_done
        assert await handle.outcome() == TurnOutcome("completed", "done")
        assert handle.cancel() is False
        root.reports.drain()


async def test_a_direct_turn_sees_its_message_alone_and_may_drain_the_rest() -> None:
    """P21."""
    saw: list[Any] = []

    async def first(turn: Turn[Any], _ctx: Context) -> Any:
        return messages(turn.drain())

    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [first], saw)
        ref.tell("queued", trigger_turn=False)
        assert await ref.run_turn("direct") == ["queued"]
        assert saw == [["direct"]]
        root.reports.drain()


async def test_a_direct_turn_is_refused_while_one_is_active_or_due() -> None:
    """P20: with no trace left."""
    gate = Gate()
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [gate])
        ref.tell("due")
        before = (ref._slot.box.seq, ref.generation, ref.status)
        with pytest.raises(TurnInProgress) as caught:
            ref.start_turn("no")
        assert caught.value.message == "no"
        assert (ref._slot.box.seq, ref.generation, ref.status) == before
        await settle()
        before = (ref._slot.box.seq, ref.generation, ref.status)
        with pytest.raises(TurnInProgress):
            ref.start_turn("no")
        assert (ref._slot.box.seq, ref.generation, ref.status) == before
        gate.go.set()
        await settle()
        assert await ref.run_turn("yes") == "done"
        root.reports.drain()


async def test_turns_are_for_agents() -> None:
    class Plain(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            pass

    async with open_tree("stage") as root:
        ref = await root.start(Plain)
        with pytest.raises(TypeError, match="no agent"):
            ref.start_turn("x")
        with pytest.raises(NoActiveTurn):
            ref.steer("x")
        assert ref._slot.box.seq == 0


async def test_a_turn_that_raises_is_errored_and_the_agent_goes_on() -> None:
    """P23, P24."""
    error = OSError("no disk")

    async def fail(_turn: Turn[Any], _ctx: Context) -> None:
        raise error

    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [fail, fail])
        with pytest.raises(ActorCrashed, match="OSError: no disk") as caught:
            await ref.run_turn("x")
        assert caught.value.error is error
        assert ref.status == Errored(error)
        handle = ref.start_turn("y")
        outcome = await handle.outcome()
        assert (outcome.kind, outcome.error, outcome.cause) == ("errored", error, "OSError: no disk")
        assert await ref.run_turn("z") == "done"
        assert ref.status == Completed("done")
        root.reports.drain()


async def test_a_direct_turn_that_is_stopped_killed_or_crashed_says_so() -> None:
    """P23."""
    for end, kind in (("kill", "stopped"), ("crash", "crashed")):
        async with open_tree("stage") as root:
            ref = await root.start(Scripted, [Gate()])
            handle = ref.start_turn("x")
            await settle()
            if end == "crash":
                ref.crash(OSError("pulled"))
            else:
                await ref.kill()
            assert (await handle.outcome()).kind == kind
            root.reports.drain()


async def test_a_direct_turn_that_never_began_is_undeliverable() -> None:
    """P20, P23."""
    saw: list[Any] = []
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [], saw)
        handle = ref.start_turn("x")
        ref.request_stop()
        assert (await handle.outcome()).kind == "undeliverable"
        assert saw == []
        with pytest.raises(ActorStopped):
            await ref.run_turn("y")
        root.reports.drain()


async def test_run_turn_of_an_agent_that_ends_first_says_that_it_has_stopped() -> None:
    """P23."""
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [Gate()])
        async with trio.open_nursery() as nursery:

            async def run() -> None:
                with pytest.raises(ActorStopped):
                    await ref.run_turn("x")

            nursery.start_soon(run)
            await settle()
            await ref.kill()
        root.reports.drain()


async def test_a_direct_turn_that_has_begun_is_finished_before_a_stop() -> None:
    """P20, P26."""
    gate = Gate()
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [gate])
        handle = ref.start_turn("x")
        await settle()
        ref.request_stop()
        with pytest.raises(ActorStopping):
            ref.start_turn("y")
        gate.go.set()
        assert await handle.outcome() == TurnOutcome("completed", "let go")
        await ref.wait_stopped()
        root.reports.drain()


async def test_a_direct_turn_is_finished_before_a_drain_even_if_it_has_not_begun() -> None:
    """P23, P26: it was accepted."""
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [])
        handle = ref.start_turn("x")
        await ref.drain()
        assert await handle.outcome() == TurnOutcome("completed", "done")
        root.reports.drain()


@pytest.mark.parametrize("begun", [False, True])
async def test_cancelling_a_handle_interrupts_its_turn(begun: bool) -> None:
    """P22: whether it has begun or not."""
    saw: list[Any] = []
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [Gate()], saw)
        handle = ref.start_turn("x")
        if begun:
            await settle()
        assert handle.cancel() is True
        assert await handle.outcome() == TurnOutcome("interrupted")
        assert handle.cancel() is False
        assert ref.status == Interrupted()
        assert saw == ([["x"]] if begun else [])
        ref.tell("next")
        await settle()
        assert saw[-1] == ["next"]
        root.reports.drain()


async def test_an_interrupt_ends_a_direct_turn_that_has_not_begun() -> None:
    """P22: and mail that waits starts the next one."""
    saw: list[Any] = []
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [], saw)
        handle = ref.start_turn("x")
        ref.tell("mail")
        assert await ref.interrupt() is True
        assert await handle.outcome() == TurnOutcome("interrupted")
        await settle()
        assert saw == [["mail"]]
        root.reports.drain()


async def test_a_handle_of_an_earlier_turn_does_not_cancel_a_later_one() -> None:
    """P22."""
    async with open_tree("stage") as root:
        gate = Gate()
        ref = await root.start(Scripted, [gate, gate])
        first = ref.start_turn("x")
        await settle()
        first.cancel()
        await first.outcome()
        second = ref.start_turn("y")
        await settle()
        assert first.cancel() is False
        gate.go.set()
        assert (await second.outcome()).kind == "completed"
        root.reports.drain()


async def test_a_caller_of_run_turn_who_leaves_interrupts_the_turn_at_every_step() -> None:
    """P22: a sweep; afterwards the agent is free."""
    async with open_tree("stage") as root:
        ends: list[str] = []
        for steps in range(12):
            saw: list[Any] = []

            async def short(_turn: Turn[Any], _ctx: Context) -> str:
                for _ in range(3):
                    await trio.lowlevel.checkpoint()
                return "short"

            ref = await root.start(Scripted, [short], saw)
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    if steps == 0:
                        scope.cancel()
                    nursery.start_soon(cancel_after, scope, steps)
                    ends.append(await ref.run_turn("x"))
                    nursery.cancel_scope.cancel()
            if scope.cancelled_caught:
                ends.append("cancelled")
            await settle()
            assert not isinstance(ref.status, Running)
            assert await ref.run_turn("y") in ("short", "done")
            assert len(saw) in (1, 2)
        assert {"short", "cancelled"} <= set(ends)
        root.reports.drain()


async def cancel_after(scope: trio.CancelScope, steps: int) -> None:
    for _ in range(steps):
        await trio.lowlevel.checkpoint()
    scope.cancel()


# -- P23, P24


async def test_each_finished_turn_is_one_report_to_the_parent() -> None:
    """P23."""
    error = OSError("x")

    async def fail(_turn: Turn[Any], _ctx: Context) -> None:
        raise error

    gate = Gate()
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [fail, gate])
        ref.tell("a")
        await settle()
        ref.tell("b")
        await settle()
        await ref.interrupt()
        ref.tell("c")
        await settle()
        reports = root.reports.drain()
        assert [type(report) for report in reports] == [TurnFinished] * 3
        assert [(report.turn, report.outcome.kind) for report in reports] == [  # type: ignore[union-attr]
            (1, "errored"),
            (2, "interrupted"),
            (3, "completed"),
        ]
        assert all((report.path, report.uid, report.incarnation) == (ref.path, ref.uid, 1) for report in reports)


async def test_report_status_and_answer_become_visible_in_one_step() -> None:
    """P23, P24: whoever sees one of them sees them all."""
    gate = Gate("payload")
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [gate])
        handle = ref.start_turn("x")
        await settle()
        seen: list[Any] = []

        class Watch(trio.abc.Instrument):
            def after_task_step(self, task: trio.lowlevel.Task) -> None:
                state = (ref.status, handle.is_done, len(root.reports))
                if not seen or seen[-1] != state:
                    seen.append(state)

        watch = Watch()
        trio.lowlevel.add_instrument(watch)
        await trio.lowlevel.checkpoint()
        gate.go.set()
        await settle()
        trio.lowlevel.remove_instrument(watch)
        assert seen == [(Running(), False, 0), (Completed("payload"), True, 1)]
        root.reports.drain()


async def test_the_generation_grows_with_each_change_of_status() -> None:
    """P24: a watcher can tell that it missed one."""
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [])
        generations = [ref.generation]
        async with ref.subscribe() as feed:
            for message in "ab":
                await ref.run_turn(message)
                generations.append(ref.generation)
            seen = [await anext(feed) for _ in range(4)]
        assert [change.status for change in seen] == [Running(), Completed("done")] * 2
        numbers = [change.generation for change in seen]
        assert numbers == list(range(numbers[0], numbers[0] + 4))
        assert generations[0] < generations[1] < generations[2]
        root.reports.drain()


async def test_a_refused_turn_does_not_change_the_status() -> None:
    """P24."""
    gate = Gate()
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [gate])
        assert ref.status == Idle()
        with pytest.raises(NoActiveTurn):
            ref.steer("x")
        assert ref.status == Idle()
        handle = ref.start_turn("x")
        assert ref.status == Running()
        generation = ref.generation
        with pytest.raises(TurnInProgress):
            ref.start_turn("y")
        assert (ref.status, ref.generation) == (Running(), generation)
        gate.go.set()
        await handle.outcome()
        root.reports.drain()


@pytest.mark.parametrize("seed", range(30))
async def test_every_task_has_exactly_one_outcome_whatever_happens(seed: int) -> None:
    """P23: direct turns and asks, among interrupts, crashes and stops."""
    random = Random(seed)
    outcomes: list[str] = []
    handles: list[TurnHandle] = []
    asked = 0

    async def work(turn: Turn[Any], _ctx: Context) -> str:
        await trio.sleep(random.random())
        step = random.randrange(6)
        if step == 0:
            raise OSError
        if step < 3:
            turn.drain()
        if step == 1:
            turn.commit()
        await trio.sleep(random.random())
        return "ok"

    async def ask(ref: ActorRef[Any]) -> None:
        try:
            outcomes.append(await ref.ask(Ask(), timeout=random.choice([None, 0.5, 2.0])))
        except (ActorCrashed, ActorStopped, ActorStopping, TurnInterrupted, TimeoutError) as error:
            outcomes.append(type(error).__name__)

    intensity = Intensity(1_000, within=1.0)
    async with open_supervisor("stage", intensity=intensity) as root, trio.open_nursery() as nursery:
        ref = await root.start(Scripted, [work] * 1_000, restart="permanent")
        for _ in range(60):
            step = random.randrange(5)
            if step < 2:
                asked += 1
                nursery.start_soon(ask, ref)
            elif step == 2:
                with suppress(TurnInProgress, StartupInProgress):
                    handles.append(ref.start_turn("x"))
            elif step == 3:
                await ref.interrupt()
            else:
                await trio.sleep(random.random())
            if random.random() < 0.03:
                ref.crash(OSError("pulled"))
                await settle()
        await ref.stop()
        await settle()
        assert len(outcomes) == asked
        assert all(handle.is_done for handle in handles)
        assert len(root._slot.runtime.deadlines) == 0
        root.reports.drain()
