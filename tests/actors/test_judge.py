from itertools import product
from typing import Any

import pytest

from greenroom import (
    Actor,
    Cancelled,
    Context,
    Crashed,
    Escalated,
    ExitReason,
    Finished,
    Ignore,
    Ignored,
    Killed,
    Shutdown,
    StartupFailed,
)
from greenroom.actors._reasons import error_of, is_failure, text_of
from greenroom.supervisor._judge import SENTENCES, judge
from greenroom.testing import open_tree

ERROR = OSError("x")
REASONS: list[tuple[ExitReason, bool]] = [
    (Finished(), False),
    (Finished(7), False),
    (Shutdown(), False),
    (Shutdown("enough"), False),
    (Shutdown(ERROR, is_final=True), False),
    (Ignored(), False),
    (Crashed(ERROR, "OSError: x"), True),
    (StartupFailed("/stage/a", ERROR, "OSError: x"), True),
    (Killed("by outside"), True),
    (Killed(), True),
    (Cancelled(), True),
    (Escalated(ERROR, "OSError: x"), True),
]

#: restart type -> (by itself without failure, with failure, by others), as the semantics say it.
TABLE: dict[Any, tuple[str, str, str]] = {
    "permanent": ("restart", "restart", "park"),
    "transient": ("park", "restart", "park"),
    "temporary": ("forget", "forget", "forget"),
}


@pytest.mark.parametrize(("reason", "failure"), REASONS, ids=repr)
def test_each_reason_is_a_failure_or_not(reason: ExitReason, *, failure: bool) -> None:
    assert is_failure(reason) is failure


@pytest.mark.parametrize(
    ("reason", "restart", "by_others"), [(r, t, o) for (r, _), t, o in product(REASONS, TABLE, [False, True])], ids=repr
)
def test_the_whole_table_of_reasons_by_restart_types(reason: ExitReason, restart: Any, *, by_others: bool) -> None:
    fine, failed, administrative = TABLE[restart]
    wanted = administrative if by_others else failed if is_failure(reason) else fine
    if isinstance(reason, Ignored) and restart != "temporary":
        wanted = "park"  # nothing to do: starting it over and over would not find more
    if isinstance(reason, Shutdown) and reason.is_final and restart != "temporary":
        wanted = "park"  # its on_error has stopped it
    assert judge(reason, restart, by_others=by_others) == wanted


def test_the_table_has_every_cell() -> None:
    assert set(SENTENCES) == set(TABLE)
    assert {len(row) for row in SENTENCES.values()} == {5}


def test_a_reason_has_a_text_and_an_error() -> None:
    assert [text_of(reason) for reason, _ in REASONS] == [
        "finished", "finished", "shutdown", "shutdown", "shutdown", "ignored", "crashed: OSError: x",
        "failed to initialize: OSError: x", "killed: by outside", "killed", "cancelled", "escalated: OSError: x",
    ]  # fmt: skip
    assert [error_of(reason) for reason, _ in REASONS].count(ERROR) == 3


class Ends(Actor[Any]):
    def __init__(self, how: str) -> None:
        self.how = how

    async def startup(self, ctx: Context) -> None:
        if self.how == "ignore":
            raise Ignore
        if self.how == "fail":
            raise ERROR

    def receive(self, message: Any, ctx: Context) -> None:
        if message == "finish":
            ctx.stop(1)
        elif message == "shutdown":
            ctx.stop(reason=Shutdown("enough"))
        elif message == "crash":
            raise ERROR


async def bring_about(ref: Any, how: str) -> None:
    if how in ("stop", "drain", "kill"):
        await getattr(ref, how)()
    elif how not in ("ignore", "fail"):
        ref.tell(how)


WAYS: dict[str, str] = {
    "finish": "fine", "shutdown": "fine", "ignore": "ignored", "fail": "failed", "crash": "failed",
    "stop": "others", "drain": "others", "kill": "others",
}  # fmt: skip


@pytest.mark.parametrize(("how", "restart"), list(product(WAYS, TABLE)))
async def test_p26_a_child_that_ends_is_restarted_parked_or_forgotten_by_the_table(how: str, restart: Any) -> None:
    fine, failed, administrative = TABLE[restart]
    ignored = "forget" if restart == "temporary" else "park"
    wanted = {"fine": fine, "failed": failed, "others": administrative, "ignored": ignored}[WAYS[how]]
    gave_up = wanted == "restart" and how == "fail"
    try:
        async with open_tree("stage") as root:
            ref: Any = root.start_soon(Ends, how, name="a", restart=restart)
            await bring_about(ref, how)
            if wanted == "restart":
                while ref.incarnation == 1:
                    await ref._slot.changed()
            else:
                await ref.wait_stopped()
                assert (ref.lifecycle == "parked") == (wanted == "park")
                assert (root.which_children() == []) == (wanted == "forget")
                if wanted == "forget":
                    slot = ref._slot
                    assert (slot.factory, slot.args, slot.get_more().vars) == (None, (), None)
            root.reports.drain()
    except ExceptionGroup:
        assert gave_up
