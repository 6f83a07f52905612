"""Sequential models: how an object answers if it is asked one thing at a time."""

from collections.abc import Hashable, Iterable
from typing import Any

from ._brief import brief


class SequentialModel:
    """Say what an object does when nothing happens at the same time: the specification that a history is checked against.

        class Register(races.SequentialModel):
            initial = 0

            def apply(self, state, name, args):
                return (None, args[0]) if name == "write" else (state, state)

    A state is never changed: `apply` returns the next one. States are hashable (a number, a tuple, a frozenset, a frozen class), and two that are
    equal are the same state. The methods are pure: for the same arguments they always return the same, and they do not raise.
    """

    #: The state in which the object is at first; each partition begins in it.
    initial: Hashable = None

    def apply(self, state: Any, name: str, args: tuple[Any, ...]) -> tuple[Any, Any]:
        """Return what an operation returns in a state, and the next state. Results are compared by `==`; `unittest.mock.ANY` equals all of them."""
        raise NotImplementedError("give the model an `apply`, or `outcomes` where there are several")

    def outcomes(self, state: Any, name: str, args: tuple[Any, ...]) -> Iterable[tuple[Any, Any]]:
        """Return all pairs of a result and a next state that are allowed in a state; by default the one of `apply`, none if it may not happen."""
        return (self.apply(state, name, args),)

    def partition(self, name: str, args: tuple[Any, ...]) -> Hashable:
        """Return which part of the object an operation is about: a key.

        Each part is checked alone, against a state of its own. That is right if operations on different parts never have to do with each other
        (the object is made of them: linearizability is local), and makes large histories cheap.
        Source: Horn & Kroening, "Faster linearizability checking via P-compositionality", FORTE 2015.
        """
        return None

    def describe(self, state: Any) -> str:
        """Return a state as a short text, for people."""
        return brief(state)
