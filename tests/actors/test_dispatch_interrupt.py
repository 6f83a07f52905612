"""Section 7: N calls give N results, also when the turn is interrupted half-way."""

import signal
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import ActorRef, Agent, Call, Context, Dispatch, Tool, Traits, Turn, open_supervisor, tool
from greenroom.testing import open_tree

from .keeping_boss import Boss, PlainBoss
from .naps import LOOK, alone, nap, naps
from .results import kinds


@pytest.mark.parametrize("kind", [Boss, PlainBoss])
async def test_an_interrupted_dispatch_tells_what_has_ended_what_was_running_and_what_had_not_begun(kind: Any) -> None:
    calls = [*naps(1, 10, 2), *naps(1, name="alone"), Call("x", "nobody"), *naps(1)]
    made = Dispatch(calls, tools=[nap, alone])
    async with open_tree("stage") as root:
        boss: ActorRef[Any] = root.start_soon(kind)
        boss.tell(made)
        await trio.sleep(0.5)
        assert kinds(made.results) == ["running"] * 3 + ["not begun", "refused", "not begun"]
        assert not made.is_done
        await trio.sleep(4.5)
        assert await boss.interrupt()
        assert made.is_done
        # The next turn can tell the model what came of each call.
        results = await boss.ask("what came of it?")  # type: ignore[arg-type]
        root.reports.drain()
    assert [(result.id, result.kind) for result in results] == [
        ("nap0", "completed"), ("nap1", "interrupted"), ("nap2", "completed"), ("alone0", "not begun"), ("x", "refused"),
        ("nap0", "not begun"),
    ]  # fmt: skip
    assert results[0].value == 1
    assert results[1].cause == "interrupted while it ran; what it had done by then stays done"
    assert results[3].cause == "not begun: what it was called in was interrupted before"


async def test_a_finally_sees_the_final_results() -> None:
    seen: list[list[str]] = []

    class Careful(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            made = Dispatch(naps(1, 10), tools=[nap])
            try:
                await made.run(ctx)
            finally:
                seen.append(kinds(made.results))

    async with open_tree("stage") as root:
        boss = root.start_soon(Careful, mail="go")
        await trio.sleep(5)
        await boss.kill()
        root.reports.drain()
    assert seen == [["completed", "interrupted"]]


async def test_a_timeout_around_a_dispatch_leaves_the_results() -> None:
    class Hasty(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            made = Dispatch(naps(1, 10), tools=[nap])
            with trio.move_on_after(3):
                await made.run(ctx)
            return made.results

    async with open_tree("stage") as root:
        assert kinds(await (await root.start(Hasty)).run_turn("go")) == ["completed", "interrupted"]
        root.reports.drain()


@pytest.mark.parametrize("count", [1, 3])
async def test_an_interrupted_batch_raises_one_cancelled_and_no_group(count: int) -> None:
    seen: list[type[BaseException]] = []

    class Looks(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            try:
                await ctx.dispatch(naps(*[10] * count), tools=[nap])
            except BaseException as error:
                seen.append(type(error))
                raise

    async with open_tree("stage") as root:
        boss = root.start_soon(Looks, mail="go")
        await trio.sleep(1)
        await boss.interrupt()
        root.reports.drain()
    assert seen == [trio.Cancelled]


@pytest.mark.parametrize("count", [1, 2])
async def test_what_fails_for_the_interrupt_is_its_calls_result_and_the_turn_is_interrupted_all_the_same(
    count: int,
) -> None:
    async def clings() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise OSError("while it was cancelled")

    @tool(**LOOK)
    async def crowd(arguments: Any, ctx: Context) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(clings)
            nursery.start_soon(trio.sleep_forever)

    made = Dispatch([Call(n, "crowd") for n in range(count)], tools=[crowd])
    async with open_tree("stage") as root:
        boss = root.start_soon(Boss)
        handle = (await root.start(Boss)).start_turn(made)
        await trio.sleep(1)
        handle.cancel()
        assert (await handle.outcome()).kind == "interrupted"
        await boss.stop()
        root.reports.drain()
    assert kinds(made.results) == ["errored"] * count
    assert "while it was cancelled" in made.results[0].cause


async def test_an_interrupt_while_the_approver_thinks_leaves_that_call_not_begun() -> None:
    async def ponders(_: Any) -> bool:
        await trio.sleep_forever()
        return True

    made = Dispatch([*naps(1), Call("g", "gated"), *naps(1)], tools=[nap, tool(print, name="gated")], approver=ponders)
    async with open_tree("stage") as root:
        boss = root.start_soon(Boss, mail=made)
        await trio.sleep(5)
        await boss.interrupt()
        root.reports.drain()
    assert kinds(made.results) == ["completed", "not begun", "not begun"]


async def test_a_crash_of_the_agent_in_the_middle_leaves_the_results() -> None:
    made = Dispatch(naps(1, 10), tools=[nap])
    async with open_tree("stage") as root:
        boss = root.start_soon(Boss, mail=made)
        await trio.sleep(5)
        boss.crash(OSError("x"))
        await boss.wait_stopped()
        root.reports.drain()
    assert kinds(made.results) == ["completed", "interrupted"]


def spin() -> None:
    """Go on until somebody presses Ctrl-C, which happens at the thousandth round."""
    for number in range(100_000):
        if number == 1_000:
            signal.raise_signal(signal.SIGINT)
    raise AssertionError("Ctrl-C did not get through")


class Spins(Tool):
    """Never end, in one place or another."""

    def __init__(self, name: str) -> None:
        self.name = name

    def traits(self, arguments: Any) -> Traits:
        if self.name == "traits":
            spin()
        return Traits() if self.name == "approver" else Traits(**LOOK)

    def run(self, arguments: Any, ctx: Context) -> Any:
        if self.name == "plain":
            spin()
        return self.later()

    async def later(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.name == "later":
            spin()

    @staticmethod
    def approve(_: Any) -> bool:
        spin()
        return True


@pytest.mark.parametrize("where", ["plain", "later", "traits", "approver"])
@pytest.mark.parametrize("around", [0, 1])
def test_ctrl_c_reaches_code_that_does_not_end_and_the_results_are_final(where: str, around: int) -> None:
    calls = [*naps(*[5] * around), Call("s", where), *naps(*[5] * around)]
    made = Dispatch(calls, tools=[nap, Spins(where)], approver=Spins.approve)

    async def main() -> None:
        async with open_supervisor("stage") as root:
            root.start_soon(Boss, mail=made)
            await trio.sleep(100)

    with pytest.raises(BaseException) as caught:  # noqa: PT011 -- bare, or in Trio's groups
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert "KeyboardInterrupt" in repr(caught.value)
    assert made.is_done
    assert set(kinds(made.results)) <= {"completed", "interrupted", "not begun"}
    assert made.results[around].kind == ("interrupted" if where in {"plain", "later"} else "not begun")
