"""Tables of on_error in specifications, and what is wrong with them."""

from typing import Any

import pytest
import trio

from greenroom import Actor, ActorCrashed, ChildSpec, Context, InvalidSpec, open_supervisor
from greenroom.supervisor._reading import policy_of_spec
from greenroom.testing import open_tree

from .failing import Broken, Mend, Plain, ask, function

Log = list[Any]
BAD: list[tuple[Any, str]] = [
    (5, "on_error: 5 is neither a mapping of exception classes to restart, resume, stop, escalate nor a list of such pairs"),
    ("resume", "neither a mapping"),
    ([Mend], "is no pair of an exception class and a word"),
    ({"Mend": "stop"}, "'Mend' is a name; give the class itself"),
    ({Mend("x"): "stop"}, "is an exception, not its class; give Mend"),
    ({(Mend, OSError): "stop"}, "are several; give each class a row of its own"),
    ({int: "stop"}, "<class 'int'> is no exception class"),
    ({trio.Cancelled: "stop"}, "Cancelled is not an actor's to handle: a cancellation is its scope's"),
    ({KeyboardInterrupt: "stop"}, "KeyboardInterrupt is not an actor's to handle: it ends the program"),
    ({SystemExit: "resume"}, "SystemExit is not an actor's to handle: it ends the program"),
    ({BaseException: "stop"}, "BaseException is not an actor's to handle"),
    ({BaseExceptionGroup: "stop"}, "BaseExceptionGroup is not an actor's to handle"),
    ({Mend: "restrat"}, "'restrat' is not one of restart, resume, stop, escalate; did you mean 'restart'?"),
    ({Mend: None}, "None is not one of"),
    ({Mend: ["stop"]}, "['stop'] is not one of"),
    ([(Mend, "stop"), (Mend, "resume")], "on_error[1]: Mend has a row already"),
    (
        [(Exception, "stop"), (OSError, "resume")],
        "on_error[1]: OSError is covered by the earlier row of Exception, so this one never counts; put it before",
    ),
    ([(Mend, "stop", "x")], "is no pair"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "text"), BAD, ids=[repr(table) for table, _ in BAD])
async def test_each_wrong_table_gets_its_own_precise_error(table: Any, text: str) -> None:
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec) as caught:
            root.start_soon(Plain, Log(), on_error=table)
        assert text in str(caught.value)
        assert root.which_children() == []
    with pytest.raises(InvalidSpec) as caught:
        policy_of_spec(ChildSpec("a", Plain, on_error=table))
    assert text in str(caught.value)


async def test_all_that_is_wrong_with_a_table_is_told_at_once_and_with_all_else() -> None:
    table: Any = [(OSError, "resume"), (ConnectionError, "stop"), ("x", "halt"), (KeyboardInterrupt, "stop"), 7]
    spec = ChildSpec("a", Plain, on_error=table, restart="sometimes", redeliver=-1)  # type: ignore[arg-type]
    with pytest.raises(InvalidSpec) as caught:
        async with open_supervisor("stage", children=[spec]):
            raise AssertionError("never")
    for text in (
        "on_error[1]: ConnectionError is covered",
        "on_error[2]: 'x' is a name",
        "on_error[2]: 'halt' is not one of",
        "on_error[3]: KeyboardInterrupt",
        "on_error[4]: 7 is no pair",
        "restart: 'sometimes'",
        "redeliver: -1",
    ):
        assert text in str(caught.value), text


async def test_a_function_has_nothing_to_resume_and_all_else_has_a_meaning() -> None:
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec, match="function is a function, and ends with what leaves it"):
            root.start_soon(function, Log(), on_error={Mend: "stop", OSError: "resume"})
        spec = ChildSpec("a", function, ([],), on_error={OSError: "resume"}, rest_after=5.0)
        with pytest.raises(InvalidSpec) as caught:
            async with open_supervisor("other", children=[spec]):
                raise AssertionError("never")
        assert "nothing to resume" in str(caught.value)
        assert "rest_after" in str(caught.value)
        log: Log = []
        ref = await root.start(function, log, restart="permanent", on_error={Mend: "restart"})
        assert isinstance(await ask(ref, Mend("x")), ActorCrashed)
        assert await ask(ref, 2) == 2
        assert [incarnation for incarnation, _ in log] == [1, 2]
        root.reports.drain()


async def test_a_declared_child_is_judged_by_its_table_and_a_factory_that_does_not_say_too() -> None:
    def unsaid(log: Log):  # type: ignore[no-untyped-def]  # noqa: ANN202
        return Plain(log)

    for factory in (Plain, unsaid):
        spec = ChildSpec("a", factory, ([],), on_error=[(Broken, "stop"), (Mend, "resume")])
        async with open_tree("stage", children=[spec]) as root:
            ref = root.lookup("a")
            error = Mend("x")
            assert await ask(ref, error) is error
            await ask(ref, Broken("y"))
            assert ref.lifecycle == "parked"


async def test_a_table_is_read_once_and_what_its_giver_changes_later_changes_nothing() -> None:
    table: dict[Any, Any] = {Mend: "resume"}
    async with open_tree("stage") as root:
        ref = await root.start(Plain, Log(), on_error=table)
        table[Mend] = "stop"
        table.clear()
        error = Mend("x")
        assert await ask(ref, error) is error


async def test_an_exception_that_is_resumed_keeps_no_frames_alive() -> None:
    class Holds(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            big = object()
            self.seen = big
            raise message.what

    async with open_tree("stage") as root:
        ref = await root.start(Holds, on_error={Mend: "resume"})
        error = Mend("x")
        assert await ask(ref, error) is error
        at = error.__traceback__
        held: Log = []
        while at is not None:
            if at.tb_frame.f_code.co_name == "receive":
                held.append(at.tb_frame.f_locals.get("big"))
            at = at.tb_next
        assert held == [None]
