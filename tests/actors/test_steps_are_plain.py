import ast
import inspect
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio

import greenroom.actors
import greenroom.mailbox
import greenroom.supervisor
from greenroom import (
    Actor,
    ActorRef,
    ActorStopped,
    Agent,
    Context,
    Limits,
    MailboxFull,
    MailboxSpec,
    Service,
    StartupFailed,
    Turn,
    open_supervisor,
)
from greenroom.actors._passage import Passage
from greenroom.actors._slot import Slot

ROOMS = (greenroom.mailbox, greenroom.actors, greenroom.supervisor)
#: What others may see of a slot. It changes in steps: from one state that makes sense to the next.
STATE = frozenset({"life", "incarnation", "by", "last_exit", "last_turn", "extra", "since"})
#: And what changes it.
STEPS = frozenset({
    "advance", "finalize", "become_ready", "order_end", "reopen", "close_parked", "start_draining", "end_from_outside",
    "hurry", "register", "launch", "close_turn", "open_turn", "open_direct_turn", "interrupt_turn", "end_at_once", "begin_at_once",
    "fail_start", "reap", "put_to_rest", "lie_down", "drop_entries", "take_keys", "renew_keys",
})  # fmt: skip


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for room in ROOMS:
        assert room.__file__ is not None
        for path in sorted(Path(room.__file__).parent.glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{path.name}:{node.name}", node


def assigned(function: ast.AST) -> set[str]:
    """Return the attributes that a function assigns to."""
    found: set[str] = set()
    for node in ast.walk(function):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        )
        for target in targets:
            for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                # A request has an incarnation too, and belongs to its asker.
                if isinstance(part, ast.Attribute) and ast.unparse(part.value) != "asked":
                    found.add(part.attr)
    return found


def test_p30_no_function_that_could_wait_changes_what_others_see_of_a_slot() -> None:
    changing = {name: function for name, function in functions() if assigned(function) & STATE}
    assert len(changing) >= 5
    assert [name for name, function in changing.items() if isinstance(function, ast.AsyncFunctionDef)] == []


def test_p30_each_step_is_a_plain_function() -> None:
    found = {name.split(":")[1]: function for name, function in functions() if name.split(":")[1] in STEPS}
    assert set(found) == STEPS
    for name, function in found.items():
        assert isinstance(function, ast.FunctionDef), name
        assert not any(isinstance(node, ast.Await | ast.Yield | ast.YieldFrom) for node in ast.walk(function)), name


def test_p30_no_step_makes_a_text_of_what_is_the_users() -> None:
    for name, function in functions():
        if name.split(":")[1] in STEPS - {"register"}:
            calls = [
                node.func.id
                for node in ast.walk(function)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            ]
            assert not {"str", "repr", "describe", "hash", "format", "print"} & set(calls), name


# -- what happens while they run

Log = list[Any]


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Note each change of a slot's state, with whether Ctrl-C could have fallen into it."""
    noted: Log = []
    for kind, last in ((Slot, "_slot"), (Passage, "stop_by")):  # where the last is not there, it is only being made
        monkeypatch.setattr(kind, "__setattr__", noting(noted, last, kind.__setattr__))
    return noted


def noting(noted: Log, last: str, plain: Any) -> Any:
    def watched(thing: Any, name: str, value: Any) -> None:
        if name in STATE and hasattr(thing, last):
            noted.append((name, trio.lowlevel.currently_ki_protected()))
        plain(thing, name, value)

    return watched


class Busy(Actor[Any]):
    """Note whether Ctrl-C can arrive in each of the user's hooks."""

    def __init__(self, log: Log, failing: str = "") -> None:
        self.log, self.failing = log, failing
        self.note("init")

    def note(self, place: str) -> None:
        self.log.append((place, trio.lowlevel.currently_ki_protected()))
        if place == self.failing:
            raise OSError(place)

    async def startup(self, ctx: Context) -> None:
        self.note("startup")
        ctx.start_soon(Leaf, self.log)
        await trio.sleep(1)
        self.note("startup again")

    def receive(self, message: Any, ctx: Context) -> Any:
        self.note("receive")
        if isinstance(message, BaseException):
            raise message
        if message == "stop":
            ctx.stop(1)
        return message

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.note("shutdown")


class OwnBusy(Busy):
    own_task = True


class Leaf(Actor[Any]):
    def __init__(self, log: Log) -> None:
        self.log = log

    async def receive(self, message: Any, ctx: Context) -> Any:
        self.log.append(("receive", trio.lowlevel.currently_ki_protected()))
        await trio.sleep(1)


class BusyAgent(Agent[Any]):
    def __init__(self, log: Log, failing: str = "") -> None:
        self.log, self.failing = log, failing

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        self.log.append(("turn", trio.lowlevel.currently_ki_protected()))
        await trio.sleep(1)
        return 1


class Connection:
    async def __aenter__(self) -> int:
        return 1

    async def __aexit__(self, *_: object) -> None:
        pass


class Serves(Busy):
    def services(self) -> Any:
        self.note("services")
        return [Service("a", Connection)]


async def function(ctx: Context, log: Log, _failing: str = "") -> None:
    async for _ in ctx:
        log.append(("function", trio.lowlevel.currently_ki_protected()))


@pytest.mark.parametrize("kind", [Busy, OwnBusy, Serves, BusyAgent, function])
async def test_p30_each_change_of_state_is_protected_against_ctrl_c_and_user_code_is_not(
    kind: Any, changes: Log
) -> None:
    hooks: Log = []
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=2)) as root:
        for failing in ("", "init", "startup", "receive", "shutdown"):
            for restart in ("permanent", "temporary"):
                if restart == "permanent" and failing in ("init", "startup"):
                    continue  # would only exceed the intensity
                ref: ActorRef[Any] = root.start_soon(kind, hooks, failing, restart=restart, mail="m")
                await trio.sleep(0.5)
                ref.try_tell(OSError("x"))
                with suppress(StartupFailed, ActorStopped):
                    await root.start(kind, hooks, failing)
                ref.try_tell("stop")
                await trio.sleep(5)
                await ref.interrupt()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(ref.drain)
                    nursery.start_soon(ref.stop)
                if ref.lifecycle == "parked":
                    with suppress(StartupFailed, ActorStopped):
                        await root.restart_child(ref.name)
                    await ref.kill()
                    root.delete_child(ref.name)
        for _ in range(3):
            root.start_soon(kind, hooks)
        root.reports.drain()
    assert {name for name, _ in changes} >= {"life", "extra", "incarnation", "by"}
    assert {name for name, protected in changes if not protected} == set()
    assert hooks
    assert {place for place, protected in hooks if protected} == set()


class Hostile:
    """Be a user's value whose every look runs user code, which comes back into the runtime and raises."""

    touched: Log = []  # noqa: RUF012 -- shared on purpose
    ref: Any = None

    def _touch(self, *_: object) -> Any:
        frame = inspect.currentframe()
        assert frame is not None
        Hostile.touched.append(frame.f_back)
        if Hostile.ref is not None:
            Hostile.ref.request_stop()
        raise KeyError("hostile")

    __eq__ = __ne__ = __hash__ = __repr__ = __str__ = __bool__ = __len__ = __iter__ = _touch


class HostileError(Hostile, Exception):
    pass


class Handles(Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> Any:
        await trio.sleep(1)
        if isinstance(message, Exception):
            raise message
        return message


class OwnHandles(Handles):
    own_task = True


class AgentHandles(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        await trio.sleep(1)
        drained = turn.drain()
        message = turn.mail[0].message
        if isinstance(message, Exception) and not drained:
            raise message
        return message


@pytest.mark.parametrize("kind", [Handles, OwnHandles, AgentHandles])
@pytest.mark.parametrize("capacity", [None, 2])
async def test_p30_no_user_code_runs_in_a_step_however_hostile_messages_and_results_are(
    kind: Any, capacity: int | None
) -> None:
    Hostile.touched.clear()
    Hostile.ref = None
    async with open_supervisor("stage") as root, root.dead_letters.subscribe() as feed:
        overflow = "reject" if capacity is None else "drop_oldest"
        options: dict[str, Any] = {"mailbox": MailboxSpec(capacity, overflow)}  # type: ignore[arg-type]
        for end in ("stop", "drain", "kill", "crash"):
            ref: ActorRef[Any] = root.start_soon(kind, mail=Hostile(), **options)
            for _ in range(3):
                ref.tell(Hostile(), urgent=True)
                ref.tell(Hostile(), trigger_turn=False)
            with trio.move_on_after(2.5), suppress(MailboxFull):
                await ref.ask(Hostile())  # type: ignore[arg-type]
            if end == "crash":
                ref.crash(OSError("x"))
                await ref.wait_stopped()
            else:
                await getattr(ref, end)()
        assert feed.missed == 0
        root.reports.drain()
    assert Hostile.touched == []


@pytest.mark.parametrize("kind", [Handles, OwnHandles])
@pytest.mark.parametrize("restart", ["permanent", "temporary"])
async def test_p30_an_error_whose_text_comes_back_into_the_runtime_and_raises_is_an_error_like_any_other(
    kind: Any, restart: Any
) -> None:
    Hostile.touched.clear()
    async with open_supervisor("stage") as root:
        sibling: ActorRef[Any] = await root.start(Handles)
        ref: ActorRef[Any] = root.start_soon(kind, restart=restart)
        Hostile.ref = ref
        ref.tell(HostileError())
        await trio.sleep(5)
        Hostile.ref = None
        assert sibling.lifecycle == "ready"
        assert ref.lifecycle == ("parked" if restart == "permanent" else "stopped")
        [report] = root.reports.drain()
        assert "(its text could not be made)" in report.reason.cause  # type: ignore[union-attr]
        assert Hostile.touched
