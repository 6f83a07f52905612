"""Section 7: who is asked, and what counts as a yes."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    ApprovalRequest,
    Call,
    CallResult,
    Context,
    Dispatch,
    MailboxSpec,
    Tool,
    Traits,
    Turn,
    tool,
)
from greenroom.testing import Tree, open_tree

settle = trio.testing.wait_all_tasks_blocked


@tool
async def change(arguments: Any, ctx: Context) -> str:
    return "changed"


@tool(detached=True)
def start(arguments: Any, ctx: Context) -> str:
    return "started"


@tool(needs_approval=False, read_only=True, parallel_safe=True)
async def search(arguments: Any, ctx: Context) -> str:
    return "found"


CALLS = [Call("a", "search"), Call("b", "change", {"to": 1}), Call("c", "search")]


class Boss(Agent[Any]):
    """Dispatch what the mail says."""

    def tools(self, ctx: Context) -> list[Tool]:
        return [change, start, search]

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        calls, options = turn.mail[0].message
        return await ctx.dispatch(calls, **options)


async def dispatch(root: Tree, calls: list[Call] = CALLS, **options: Any) -> list[CallResult]:
    boss = await root.start(Boss)
    results: list[CallResult] = await boss.run_turn((calls, options))
    root.reports.drain()
    return results


def kinds(results: list[CallResult]) -> list[str]:
    return [result.kind for result in results]


DENIED = ["completed", "denied", "completed"]
APPROVED = ["completed"] * 3


async def test_without_an_approver_what_needs_approval_is_denied() -> None:
    async with open_tree("stage") as root:
        results = await dispatch(root)
    assert kinds(results) == DENIED
    assert results[1].cause == "denied: it needs approval, and there is nobody to ask"
    assert results[1].error is None


async def test_the_approver_sees_who_wants_to_do_what_with_which_arguments() -> None:
    seen: list[ApprovalRequest] = []

    def approve(request: ApprovalRequest) -> bool:
        seen.append(request)
        return True

    async with open_tree("stage") as root:
        assert kinds(await dispatch(root, approver=approve)) == APPROVED
    assert seen == [ApprovalRequest("/stage/boss-2", CALLS[1], {"to": 1}, Traits())]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("answer", [True, False, None, 1, "yes", "no", object()])
async def test_only_true_is_a_yes(answer: Any, *, is_async: bool) -> None:
    async def later(_: ApprovalRequest) -> Any:
        await trio.sleep(1)
        return answer

    async with open_tree("stage") as root:
        results = await dispatch(root, approver=later if is_async else lambda _: answer)
    assert kinds(results) == (APPROVED if answer is True else DENIED)
    if answer is False:
        assert results[1].cause == "denied: the approver said no"
    elif answer is not True:
        assert results[1].cause == f"denied: the approver answered with a {type(answer).__name__}; only True is a yes"


async def test_an_approver_that_raises_has_not_said_yes() -> None:
    def raises(_: ApprovalRequest) -> bool:
        raise OSError("no line")

    async with open_tree("stage") as root:
        results = await dispatch(root, approver=raises)
    assert kinds(results) == DENIED
    assert results[1].cause == "denied: it needs approval, and the approver failed: OSError: no line"


async def test_an_approver_that_never_answers_is_left_after_the_timeout_and_the_rest_goes_on() -> None:
    async def ponders(_: ApprovalRequest) -> bool:
        await trio.sleep_forever()
        return True

    began = trio.current_time()
    async with open_tree("stage") as root:
        results = await dispatch(root, approver=ponders, approval_timeout=7)
    assert trio.current_time() - began == pytest.approx(7)
    assert kinds(results) == DENIED
    assert results[1].cause == "denied: it needs approval, and the approver did not answer within 7 s"


class Approver(Actor[Any]):
    def __init__(self, answer: Any = True, seconds: float = 0) -> None:
        self.answer, self.seconds = answer, seconds

    async def receive(self, message: ApprovalRequest, ctx: Context) -> Any:
        await trio.sleep(self.seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "expected", "cause"),
    [
        (True, APPROVED, ""),
        (False, DENIED, "denied: the approver said no"),
        (OSError("x"), DENIED, "denied: it needs approval, and the approver failed: /stage/judge: crashed: OSError: x"),
    ],
)
async def test_an_actor_may_be_the_approver(answer: Any, expected: list[str], cause: str) -> None:
    async with open_tree("stage") as root:
        judge: ActorRef[Any] = root.start_soon(Approver, answer, 3, name="judge")
        results = await dispatch(root, approver=judge)
    assert kinds(results) == expected
    assert results[1].cause == cause


@pytest.mark.parametrize("order", ["stop", "kill"])
async def test_a_dead_approver_is_a_denial_at_once(order: str) -> None:
    began = trio.current_time()
    async with open_tree("stage") as root:
        judge: ActorRef[Any] = root.start_soon(Approver, name="judge")
        await getattr(judge, order)()
        results = await dispatch(root, approver=judge)
        assert kinds(results) == DENIED
    assert trio.current_time() == began


@pytest.mark.parametrize("moment", ["before it has begun", "while it thinks"])
async def test_an_approver_that_dies_with_the_question_is_a_denial_and_no_hang(moment: str) -> None:
    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        judge: ActorRef[Any] = root.start_soon(Approver, True, 1_000, name="judge")
        if moment == "before it has begun":
            judge.tell("something that takes its time")
        began = trio.current_time()
        async with trio.open_nursery() as nursery:

            async def die() -> None:
                await trio.sleep(5)
                await judge.kill()

            nursery.start_soon(die)
            results = await dispatch(root, approver=judge)
        assert trio.current_time() - began < 100
        assert kinds(results) == DENIED


async def test_an_actor_that_does_not_answer_in_time_is_a_denial_and_the_question_is_withdrawn() -> None:
    async with open_tree("stage", dead_letters={"caller gone": None}) as root:
        judge: ActorRef[Any] = root.start_soon(Approver, True, 1_000, name="judge")
        judge.tell("something that takes its time")
        assert kinds(await dispatch(root, approver=judge, approval_timeout=2)) == DENIED
        assert root.snapshot().find("/stage/judge").queued == 0  # type: ignore[union-attr]
        await judge.kill()


async def test_an_approver_whose_mailbox_is_full_is_a_denial() -> None:
    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        judge: ActorRef[Any] = root.start_soon(Approver, True, 10, name="judge", mailbox=MailboxSpec(1, "reject"))
        await judge.wait_ready()
        judge.tell("in hand")
        await settle()
        judge.tell("in the box")
        results = await dispatch(root, approver=judge)
        assert kinds(results) == DENIED
        assert "the approver failed" in results[1].cause


async def test_an_agent_that_is_its_own_approver_is_denied_and_does_not_wait_for_itself() -> None:
    class Own(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            return await ctx.dispatch(CALLS, tools=[change, search], approver=ctx.ref)

    async with open_tree("stage") as root:
        results = await (await root.start(Own)).run_turn("go")
        root.reports.drain()
    assert kinds(results) == DENIED
    assert "deadlock" in results[1].cause


# -- the modes


async def _fails_the_test(_: ApprovalRequest) -> bool:
    raise AssertionError("nobody may be asked")


@pytest.mark.parametrize("approver", [None, _fails_the_test])
async def test_under_auto_nobody_is_asked(approver: Any) -> None:
    async with open_tree("stage", approval="auto") as root:
        assert kinds(await dispatch(root, approver=approver)) == APPROVED


@pytest.mark.parametrize("approver", [None, _fails_the_test])
async def test_under_deny_what_needs_approval_is_refused_and_nobody_is_asked(approver: Any) -> None:
    async with open_tree("stage", approval="deny") as root:
        results = await dispatch(root, approver=approver)
    assert kinds(results) == DENIED
    assert results[1].cause == 'denied: it needs approval, and the mode of this tree is "deny"'


@pytest.mark.parametrize(("mode", "plan"), [("ask", [[0], [1], [2]]), ("auto", [[0, 1, 2]]), ("deny", [[0], [1], [2]])])
async def test_starts_that_need_approval_are_asked_for_one_by_one_and_join_under_auto(mode: Any, plan: Any) -> None:
    made = Dispatch([Call(n, "start") for n in range(3)], tools=[start], approver=lambda request: request.call.id != 1)

    class Runs(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            await made.run(ctx)

    async with open_tree("stage", approval=mode) as root:
        await (await root.start(Runs)).run_turn("go")
        root.reports.drain()
    assert [list(batch) for batch in made.batches] == plan
    expected = {"ask": ["completed", "denied", "completed"], "auto": APPROVED, "deny": ["denied"] * 3}
    assert kinds(made.results) == expected[mode]


async def test_the_question_comes_when_its_batch_does() -> None:
    log: list[str] = []

    @tool(needs_approval=False)
    async def first(arguments: Any, ctx: Context) -> None:
        await trio.sleep(1)
        log.append("first")

    def approve(_: ApprovalRequest) -> bool:
        log.append("asked")
        return True

    async with open_tree("stage") as root:
        await dispatch(root, [Call(1, "first"), Call(2, "change")], tools=[first, change], approver=approve)
    assert log == ["first", "asked"]
