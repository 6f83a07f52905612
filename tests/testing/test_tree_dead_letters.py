"""Dead letters at the end of a tree: which are expected, and which fail it."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import MailboxFull, MailboxSpec
from greenroom.testing import CheckFailed, DeadLettersOverlooked, Tree, open_tree

from .worker import Echo, Worker, in_tree


async def lose_two(tree: Tree) -> None:
    """Let two mails end as "stopped"."""
    worker = await tree.start(Worker, name="worker")
    for message in ("stop", "first", object()):
        worker.tell(message)
    await worker.wait_stopped()


async def test_a_dead_letter_that_nobody_expects_fails_the_tree_and_is_shown() -> None:
    with pytest.raises(DeadLettersOverlooked) as caught:
        async with open_tree("stage") as tree:
            await lose_two(tree)
    assert str(caught.value).splitlines() == [
        "/stage: dead letters that the test does not expect:",
        "  stopped: 2",
        "    'first' to /stage/worker, seq 2",
        "    a object to /stage/worker, seq 3",
        "If this is right: tree.expect_dead_letters('stopped', 2)",
    ]
    assert caught.value.differences == {"stopped": (None, 2)}
    assert isinstance(caught.value, CheckFailed)
    assert isinstance(caught.value, AssertionError)


@pytest.mark.parametrize("expected", [2, None])
async def test_expected_dead_letters_pass(expected: int | None) -> None:
    async with open_tree(dead_letters={"stopped": expected}) as tree:
        await lose_two(tree)


async def test_expectations_for_one_reason_add_up() -> None:
    async with open_tree() as tree:
        tree.expect_dead_letters("stopped", 1)
        tree.expect_dead_letters("stopped", 1)
        await lose_two(tree)


@pytest.mark.parametrize("expected", [0, 1, 3])
async def test_another_number_than_expected_fails_the_tree(expected: int) -> None:
    with pytest.raises(DeadLettersOverlooked, match=f"stopped: 2, expected {expected}"):
        async with open_tree(dead_letters={"stopped": expected}) as tree:
            await lose_two(tree)


async def test_an_expected_dead_letter_that_does_not_come_fails_the_tree() -> None:
    with pytest.raises(DeadLettersOverlooked, match="drop_oldest: 0, expected 1"):
        async with open_tree(dead_letters={"drop_oldest": 1}):
            pass


async def test_every_reason_counts_by_itself() -> None:
    async def drop_one(tree: Tree) -> None:
        worker = tree.start_soon(Worker, mailbox=MailboxSpec(capacity=1, overflow="drop_newest"), mail="stop")
        worker.tell("dropped")
        await worker.wait_stopped()

    with pytest.raises(DeadLettersOverlooked, match="drop_newest: 1"):
        await in_tree(drop_one, dead_letters={"stopped": 1})


async def test_dead_letters_can_be_ignored() -> None:
    async with open_tree() as tree:
        tree.ignore_dead_letters()
        await lose_two(tree)


async def test_what_the_runtime_may_drop_counts_only_if_the_test_speaks_of_it() -> None:
    async def lose_a_request(tree: Tree) -> None:
        worker = await tree.start(Worker)
        worker.tell("wait")
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(0):
            await worker.ask(Echo())
        await worker.kill()

    await in_tree(lose_a_request)
    with pytest.raises(DeadLettersOverlooked, match="caller gone: 1, expected 0"):
        await in_tree(lose_a_request, dead_letters={"caller gone": 0})


async def test_a_refused_mail_is_no_dead_letter() -> None:
    async with open_tree() as tree:
        worker = tree.start_soon(Worker, mailbox=MailboxSpec(capacity=1, overflow="reject"), mail="one")
        with pytest.raises(MailboxFull):
            worker.tell("two")
        await worker.drain()


async def test_a_dead_letter_is_not_kept_alive_by_being_noted() -> None:
    class Token:
        gone = False

        def __del__(self) -> None:
            Token.gone = True

    async with open_tree(dead_letters={"stopped": 1}) as tree:
        worker = await tree.start(Worker)
        worker.tell("stop")
        worker.tell(Token())
        await worker.wait_stopped()
        assert Token.gone


async def test_a_wrong_expectation_is_refused() -> None:
    async with open_tree() as tree:
        unknown: Any = "lost"
        with pytest.raises(ValueError, match="'lost' is no reason; there are stopped, startup failed"):
            tree.expect_dead_letters(unknown, 1)
        for count in (-1, True, 1.0):
            wrong: Any = count
            with pytest.raises(ValueError, match="give a whole number from 0"):
                tree.expect_dead_letters("stopped", wrong)
