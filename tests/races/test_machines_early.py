"""Machines that go wrong where little can be told of a program: before its first step, after its last, and in what is only to look."""

import re
import traceback
from typing import Any

import pytest
import trio
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition

from greenroom import races
from greenroom.races import InvalidMachine, ProgramChanged, RaceFound, StateMachine
from greenroom.races._machine_examples import run_again

from .machines import failure_in, run


class Machine(StateMachine):
    @races.rule()
    def step(self) -> None:
        pass


def raises(*_: Any) -> Any:
    raise LookupError("too early")


def nothing(_self: Any) -> None:
    pass


EARLY: dict[str, dict[str, Any]] = {
    "it is made": {"__init__": raises},
    "an invariant looks": {"holds": invariant()(raises)},
    "it is asked whether it is quiet": {"is_quiet": raises, "holds": invariant()(nothing)},
    "it is torn down": {"teardown": raises},
}


@pytest.mark.parametrize("when", EARLY)
def test_a_failure_before_the_first_step_is_told_and_its_token_leads_to_it_again(when: str) -> None:
    members = EARLY[when]
    for name, member in members.items():
        member.__name__ = name
    machine = type("Early", (Machine,), dict(members))
    found = failure_in(machine)
    text = str(found)
    assert text.startswith("Early: failed: LookupError: too early\nthe program, 0 steps:\n")
    assert "as state:\n            pass\n" in text
    with pytest.raises(RaceFound, match="LookupError: too early") as again:
        run_again(machine, found.token)
    assert again.value.token == found.token


async def no() -> bool:
    return False


def step(_self: Any) -> None:
    pass


def looks(_self: Any) -> Any:
    return no()


LOOKS: dict[str, tuple[dict[str, Any], str]] = {
    "whether a rule may be next": ({"step": precondition(looks)(races.rule()(step))}, "a precondition of step"),
    "whether an invariant is to hold": ({"holds": precondition(looks)(invariant()(step))}, "a precondition of holds"),
    "whether it is quiet": ({"is_quiet": looks, "holds": invariant()(step)}, "is_quiet"),
}


@pytest.mark.parametrize("case", LOOKS)
@pytest.mark.filterwarnings("error")
def test_what_is_only_to_look_and_returns_something_to_await_is_refused(case: str) -> None:
    members, name = LOOKS[case]
    step.__name__ = "step" if "step" in members else "holds"
    text = f"Looks: {name} returned <coroutine object no at 0x"
    with pytest.raises(InvalidMachine, match=re.escape(text) + ".*; make it a plain function that only looks"):
        run(type("Looks", (Machine,), members))


def test_a_precondition_that_raises_is_no_failure_but_a_wrong_machine() -> None:
    """No program has a step for it, by which it could be had again."""

    class Wrong(StateMachine):
        steps = 0

        @precondition(lambda self: 1 / (2 - self.steps))
        @races.rule()
        def goes(self) -> None:
            self.steps += 1

    text = (
        r"Wrong: a precondition of goes raised ZeroDivisionError\('division by zero'\); it only looks, "
        r"so let it say False; the program so far: await state.goes\(\); await state.goes\(\)"
    )
    with pytest.raises(InvalidMachine, match=text) as caught:
        run(Wrong)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_what_an_error_came_of_is_still_seen() -> None:
    class Raises(StateMachine):
        @races.rule()
        async def raises(self) -> None:
            try:
                raise LookupError("first")  # noqa: TRY301
            except LookupError:
                raise ArithmeticError("then")  # noqa: B904 -- as users write it

    seen = "".join(traceback.format_exception(failure_in(Raises)))
    assert "LookupError: first" in seen
    assert "ExceptionGroup" not in seen
    assert "Nursery" not in seen


def test_what_does_not_come_again_by_itself_is_said_to_be_so() -> None:
    class Keeps(StateMachine):
        data: Any = None

        @races.rule(data=st.data())
        def keeps(self, data: Any) -> None:
            self.data = data

        @precondition(lambda self: self.data is not None)
        @races.rule()
        def draws(self) -> None:
            assert self.data.draw(st.integers(0, 100)) < 30

    found = failure_in(Keeps)
    assert "to see it again: run the test anew, for Hypothesis to draw it; by itself the program went" in str(found)
    assert found.token not in str(found)
    with pytest.raises(ProgramChanged):
        run_again(Keeps, found.token)


def test_a_client_that_is_none_is_refused_in_the_rule_that_names_it() -> None:
    wrong: tuple[Any, ...] = (None, True, "", [], 1.5, b"ann", ("ann",), {}, object, trio.Event())
    for client in wrong:

        class Names(StateMachine):
            @races.rule()
            def step(self, client: Any = client) -> None:
                self.start(client, trio.lowlevel.checkpoint)

        error = failure_in(Names).__cause__
        assert isinstance(error, TypeError)
        assert re.fullmatch(r"start: the client is .*; give a name or a number", str(error))
        assert traceback.extract_tb(error.__traceback__)[-3].name == "step"
