"""Reports past the capacity are counted instead of kept, but for those that a turn had taken and gave back."""

from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, Agent, ChildEnded, Context, Turn
from greenroom.testing import open_tree

MANY = 1_000


class Mayfly(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> None:
        ctx.stop()


class Boss(Agent[str]):
    """Take what has come when told to wait, and then wait; when told to count, count."""

    def __init__(self, counts: list[int]) -> None:
        self.counts = counts

    async def turn(self, turn: Turn[str], ctx: Context) -> None:
        word = next(mail.message for mail in turn.mail if isinstance(mail.message, str))
        if word.startswith("start"):
            for _ in range(2 * MANY if word == "start twice" else MANY):
                ctx.start_soon(Mayfly, mail="end")
            return
        reports = [mail for mail in (*turn.mail, *turn.drain()) if isinstance(mail.message, ChildEnded)]
        self.counts.append(len(reports))
        if word == "wait":
            for _ in range(MANY):
                ctx.start_soon(Mayfly, mail="end")
            await trio.sleep_forever()


async def test_what_a_turn_gives_back_is_kept_past_the_capacity_until_it_is_taken() -> None:
    counts: list[int] = []
    async with open_tree("stage") as root:
        boss = await root.start(Boss, counts)
        log: Any
        for word in ("start", "wait"):
            boss.tell(word)
            await wait_all_tasks_blocked()
        await boss.interrupt()
        await wait_all_tasks_blocked()
        log = boss._slot.more.log  # type: ignore[union-attr]
        # What the interrupted turn was begun for goes to the next one, so it took all again, and waits.
        assert counts[0] == MANY
        boss.tell("count")
        await wait_all_tasks_blocked()
        assert (counts, dict(log.folded)) == ([MANY, 2 * MANY], {})
        boss.tell("start twice")
        await wait_all_tasks_blocked()
        root.reports.drain()
        assert log.folded == {"Finished": MANY}


class Drains(Agent[str]):
    """Take what has come, have as many come, and fail."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes

    async def turn(self, turn: Turn[str], ctx: Context) -> None:
        self.sizes.append(sum(isinstance(mail.message, ChildEnded) for mail in (*turn.mail, *turn.drain())))
        for _ in range(max(self.sizes[-1], MANY + MANY // 2)):
            ctx.start_soon(Mayfly, mail="end")
        await wait_all_tasks_blocked()
        raise ValueError("of all things")


async def test_each_turn_that_gives_back_what_it_took_keeps_as_many_more_as_the_capacity_is() -> None:
    sizes: list[int] = []
    async with open_tree("stage") as root:
        ref = await root.start(Drains, sizes)
        for _ in range(4):
            ref.tell("go")
            await wait_all_tasks_blocked()
        root.reports.drain()
        assert sizes == [0, MANY, 2 * MANY, 3 * MANY]
