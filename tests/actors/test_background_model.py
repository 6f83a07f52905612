"""Background work against a model of a dozen lines: random operations, one after the other, and the same answers to each."""

from typing import Any

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from greenroom import Actor, ActorRef, BackgroundNotFound, BackgroundTimeout, Context, Intensity
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


@attrs.define
class Model:
    """Be the books of background work as one would keep them by hand: the kind of each end, and when and how it is due."""

    last: int = 0
    running: dict[int, tuple[float, str, str]] = attrs.field(factory=dict[int, tuple[float, str, str]])
    ended: dict[int, str] = attrs.field(factory=dict[int, str])
    mail: list[tuple[int, str]] = attrs.field(factory=list[tuple[int, str]])
    dropped: int = 0

    def start(self, due: float, kind: str, deliver: str) -> int:
        self.last += 1
        self.running[self.last] = (due, kind, deliver)
        return self.last

    def end(self, work_id: int, kind: str) -> None:
        if self.running.pop(work_id)[2] == "drain":
            self.ended[work_id] = kind
        else:
            self.mail.append((work_id, kind))

    def advance(self, now: float) -> None:
        for due, work_id, kind in sorted((due, work_id, kind) for work_id, (due, kind, _) in self.running.items()):
            if due <= now:
                self.end(work_id, kind)

    def cancel(self, work_id: int) -> str:
        if work_id in self.running:
            self.end(work_id, "cancelled")
            return "signalled"
        return "already ended" if 1 <= work_id <= self.last else "not found"

    def wait(self, work_id: int, now: float, timeout: float) -> tuple[Any, float]:
        if work_id in self.ended:
            return self.ended.pop(work_id), now
        if work_id not in self.running or self.running[work_id][2] == "mail":
            return BackgroundNotFound, now
        if self.running[work_id][0] > now + timeout:
            return BackgroundTimeout, now + timeout
        now = self.running[work_id][0]
        self.advance(now)
        return self.ended.pop(work_id), now

    def drain(self) -> dict[int, str]:
        ended, self.ended = self.ended, {}
        return ended

    def end_incarnation(self) -> None:
        self.dropped += len(self.running) + len(self.ended)
        self.running, self.ended = {}, {}


class Owner(Actor[Any]):
    """Keep the context, and what comes by mail."""

    def __init__(self, got: list[Context], mail: list[tuple[int, str]]) -> None:
        self.got, self.mail = got, mail

    def receive(self, message: Any, ctx: Context) -> None:
        assert ctx.mail is not None
        if ctx.mail.kind == "background":
            self.mail.append((message.id, message.kind))
        else:
            self.got[:] = [ctx]


class OwnOwner(Owner):
    own_task = True


async def work(due: float, kind: str) -> None:
    await trio.sleep_until(due)
    if kind == "failed":
        raise OSError


ids = st.integers(0, 8)
operation = st.one_of(
    st.tuples(
        st.just("start"),
        st.integers(0, 6),
        st.sampled_from(["completed", "failed"]),
        st.sampled_from(["drain", "mail"]),
    ),
    st.tuples(st.just("wait"), ids, st.integers(0, 4)),
    st.tuples(st.just("cancel"), ids),
    st.tuples(st.just("sleep"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["drain", "drain", "crash"])),
)


class Program:
    """Carry out operations on an actor and on the model."""

    def __init__(self, ref: ActorRef[Any], got: list[Context]) -> None:
        self.ref, self.got, self.model = ref, got, Model()

    async def run(self, name: str, *data: Any) -> None:
        model, ctx, now = self.model, self.got[0], trio.current_time()
        match name:
            case "start":
                seconds, kind, deliver = data
                due = now + seconds + (model.last + 1) / 1024  # no two at once
                assert ctx.run_in_background(work, due, kind, deliver=deliver) == model.start(due, kind, deliver)
            case "wait":
                work_id, timeout = data
                expected, until = model.wait(work_id, now, timeout)
                try:
                    result: Any = (await ctx.wait_background(work_id, timeout=timeout)).kind
                except (BackgroundNotFound, BackgroundTimeout) as error:
                    result = type(error)
                assert (result, trio.current_time()) == (expected, until)
            case "cancel":
                assert ctx.cancel_background(*data) == model.cancel(*data)
            case "sleep":
                await trio.sleep(*data)
            case "drain":
                drained = {result.id: result.kind for result in ctx.drain_completed()}
                assert list(drained.items()) == list(model.drain().items())
            case _:
                self.ref.crash(OSError())
                model.end_incarnation()
                self.ref.tell("give")
        await settle()
        model.advance(trio.current_time())
        ctx = self.got[0]
        listed = {work.id: work.state for work in ctx.background()}
        assert listed == dict.fromkeys(model.running, "running") | model.ended
        assert ctx.pending_count() == len(model.running)


@pytest.mark.parametrize("kind", [Owner, OwnOwner])
@given(program=st.lists(operation, max_size=25))
def test_each_operation_answers_as_the_model_does_and_each_result_is_counted_once(
    kind: Any, program: list[Any]
) -> None:
    async def main() -> None:
        async with open_tree("stage", intensity=Intensity(1_000, within=1)) as root:
            got: list[Context] = []
            mail: list[tuple[int, str]] = []
            ref = root.start_soon(kind, got, mail, restart="permanent", mail="give")
            await settle()
            run = Program(ref, got)
            for each in program:
                await run.run(*each)
            model = run.model
            assert mail == model.mail
            assert root.dead_letters.counts.get("old incarnation", 0) == model.dropped
            await ref.stop()
            model.end_incarnation()
            assert mail == model.mail
            assert root.dead_letters.counts.get("old incarnation", 0) == model.dropped
            root.reports.drain()

    trio.run(main, clock=MockClock(autojump_threshold=0))
