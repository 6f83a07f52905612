"""P26: the ends that an actor gives itself."""

from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, ActorRef, ChildEnded, Completed, Context, Crashed, Finished, Shutdown
from greenroom.testing import open_tree


class StopsItself(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> Any:
        if message == "result":
            ctx.stop(42)
        elif message == "reason":
            ctx.stop(reason=Shutdown("enough"))
        return message


@pytest.mark.parametrize("own_task", [False, True])
async def test_p26_an_actor_ends_itself_after_the_message_in_hand(*, own_task: bool) -> None:
    class Mine(StopsItself):
        pass

    Mine.own_task = own_task
    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        ref: Any = await root.start(Mine)
        assert await ref.ask("result") == "result"
        await ref.wait_stopped()
        assert ref.exit_reason == Finished(42)
        assert ref.status == Completed(42)
        other: ActorRef[Any] = await root.start(Mine)
        other.tell("reason")
        other.tell("left")
        assert await other.wait_stopped() == Shutdown("enough")
        assert other.status == Shutdown("enough")
        assert dict(root.dead_letters.counts) == {"stopped": 1}
        assert [report.by for report in root.reports.drain() if isinstance(report, ChildEnded)] == ["itself"] * 2


@pytest.mark.parametrize(
    ("restart", "lifecycle"), [("permanent", "ready"), ("transient", "parked"), ("temporary", "stopped")]
)
async def test_p26_an_end_by_itself_is_judged_by_the_restart_type(restart: Any, lifecycle: str) -> None:
    async with open_tree("stage") as root:
        ref: ActorRef[Any] = await root.start(StopsItself, restart=restart)
        ref.tell("result")
        await wait_all_tasks_blocked()
        assert ref.lifecycle == lifecycle


async def test_p26_a_wrong_reason_to_stop_for_is_refused() -> None:
    class Wrong(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            ctx.stop(reason=message)

    async with open_tree("stage") as root:
        ref: ActorRef[Any] = root.start_soon(Wrong, mail=OSError("x"))
        reason = await ref.wait_stopped()
        assert isinstance(reason, Crashed)
        assert isinstance(reason.error, TypeError)
        root.reports.drain()
