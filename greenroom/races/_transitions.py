"""The transitions of a model, each of which is asked for once: states and operations are numbers to whoever searches."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Literal, cast

from ._brief import brief
from ._errors import InvalidModel
from ._model import SequentialModel
from ._operation import Operation

#: What an operation is to the search: "ok" has to return what it did; "free" may return anything; "info" may also never happen.
Kind = Literal["ok", "free", "info"]
#: State -> the states that may follow.
Row = Mapping[int, tuple[int, ...]]


class Transitions:
    """Know a model's transitions.

    Args:
        model: asked once for each kind of operation in each state that is met.

    Raises:
        InvalidModel: its initial state is not hashable. Each method raises it where the model does what a model may not.
    """

    def __init__(self, model: SequentialModel) -> None:
        self.model = model
        self._named = type(model).__name__
        #: number -> state.
        self.states: list[Hashable] = []
        self._numbers: dict[Hashable, int] = {}
        self._rows: dict[Hashable, Row] = {}
        self._texts: dict[int, str] = {}
        self.initial = self._number(model.initial, "initial")

    def row(self, operation: Operation, kind: Kind) -> Row:
        """Return the row of an operation: the same for all that are equal, so that one can stand for another."""
        known = operation.result if kind == "ok" else None
        name: Hashable
        try:
            # Equal is not enough: 1 == True, and a model may well tell them apart.
            name = (kind, operation.name, operation.args, known, repr(operation.args), repr(known))
            row = self._rows.get(name)
        except Exception:  # noqa: BLE001 -- what is not hashable, or has no text, stands for itself
            name = (kind, id(operation))
            row = self._rows.get(name)
        if row is None:
            row = self._rows[name] = _Asking(lambda state: self._after(operation, kind, state))
        return row

    def results(self, operation: Operation, state: int) -> list[Any]:
        """Return what an operation may return in a state."""
        return [result for result, _ in self._outcomes(operation, state)]

    def partition(self, operation: Operation) -> Hashable:
        """Return the partition of an operation."""
        call = f"partition({operation.name!r}, {brief(operation.args)})"
        try:
            key = self.model.partition(operation.name, operation.args)
            hash(key)
        except Exception as error:
            raise self._wrong(call, error, "give a key that is hashable") from error
        return key

    def describe(self, state: int) -> str:
        """Return a state as text."""
        if state in self._texts:
            return self._texts[state]
        known = self.states[state]
        try:
            text: Any = self.model.describe(known)
        except Exception as error:
            raise self._wrong(f"describe({brief(known)})", error, "give a text") from error
        if not isinstance(text, str):
            raise InvalidModel(f"{self._named}.describe({brief(known)}) returned {brief(text)}; give a text")
        self._texts[state] = text
        return text

    def _after(self, operation: Operation, kind: Kind, state: int) -> tuple[int, ...]:
        after: dict[int, None] = {}
        for result, following in self._outcomes(operation, state):
            if kind == "ok" and not self._are_equal(result, operation):
                continue
            number = self._number(following, self._call(operation, state))
            # What may never have happened, and would have changed nothing, need not have happened.
            if kind != "info" or number != state:
                after[number] = None
        return tuple(after)

    def _outcomes(self, operation: Operation, state: int) -> list[tuple[Any, Any]]:
        try:
            outcomes: Any = list(self.model.outcomes(self.states[state], operation.name, operation.args))
        except Exception as error:
            raise self._wrong(self._call(operation, state), error, "give a result and a state") from error
        for outcome in outcomes:
            pair: Any = outcome
            if not isinstance(outcome, tuple) or len(pair) != 2:  # noqa: PLR2004 -- a pair
                call = self._call(operation, state)
                raise InvalidModel(f"{call} returned {brief(outcome)}; give a tuple of a result and the next state")
        return cast("list[tuple[Any, Any]]", outcomes)

    def _are_equal(self, result: Any, operation: Operation) -> bool:
        try:
            return bool(result == operation.result)
        except Exception as error:
            call = f"{brief(result)} == {brief(operation.result)}, of {operation.name},"
            raise InvalidModel(f"{call} raised {brief(error)}; give results that can be compared") from error

    def _number(self, state: Any, where: str) -> int:
        try:
            number = self._numbers.setdefault(state, len(self.states))
        except Exception as error:
            raise self._wrong(where, error, f"the state {brief(state)} has to be hashable") from error
        if number == len(self.states):
            self.states.append(state)
        return number

    def _call(self, operation: Operation, state: int) -> str:
        is_one = type(self.model).outcomes is SequentialModel.outcomes
        arguments = f"{brief(self.states[state])}, {operation.name!r}, {brief(operation.args)}"
        return f"{self._named}.{'apply' if is_one else 'outcomes'}({arguments})"

    def _wrong(self, call: str, error: Exception, what_to_do: str) -> InvalidModel:
        where = call if call.startswith(f"{self._named}.") else f"{self._named}.{call}"
        return InvalidModel(f"{where} raised {type(error).__name__}: {error}; {what_to_do}")


class _Asking(dict[int, tuple[int, ...]]):
    """Be a row that asks for what it does not have."""

    def __init__(self, ask: Callable[[int], tuple[int, ...]]) -> None:
        super().__init__()
        self._ask = ask

    def __missing__(self, state: int) -> tuple[int, ...]:
        """Ask, once."""
        after = self[state] = self._ask(state)
        return after
