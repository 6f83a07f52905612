"""Histories: who asked what of an object, when, and what came of it; and whether one order explains it."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, Final, TypeVar, TypeVarTuple, cast, overload

from ._brief import brief
from ._checks import check_count, check_seconds
from ._errors import InvalidHistory, InvalidModel
from ._history_check import MAX_NODES, check_operations
from ._linearizability import Linearizability, LinearizabilityUnknown, NotLinearizable
from ._model import SequentialModel
from ._operation import Operation, Outcome, snapshot

Args = TypeVarTuple("Args")
R = TypeVar("R")
_INFO: Final = "info"
Errors = type[BaseException] | tuple[type[BaseException], ...]


class Call:
    """Be an operation that has begun: say by one of `ok`, `fail` and `info` how it ends. Left open, it counts as `info`. Plain functions.

    Raises:
        InvalidHistory: of each: its end has been told already.
    """

    def __init__(self, history: "History", client: str | int, name: str, args: tuple[Any, ...], begun: int) -> None:
        self._history = history
        #: as of now.
        self.operation = Operation(client, name, args, begun, None, _INFO)
        #: True once its end has been told.
        self.is_over = False

    def ok(self, result: Any = None) -> None:
        """It took effect, and returned this."""
        self._end("ok", snapshot(result))

    def fail(self, error: object = None) -> None:
        """It certainly did not take effect, and will not."""
        self._end("fail", error)

    def info(self, error: object = None) -> None:
        """It may have taken effect, or may at any later time, or never; its client has given up."""
        self._end("info", error)

    def _end(self, outcome: Outcome, result: Any) -> None:
        operation = self.operation
        if self.is_over:
            raise InvalidHistory(f"{outcome}: the operation has ended already, {operation}; an operation ends once")
        self.is_over = True
        at = self._history._end(self)  # noqa: SLF001 -- the two are one
        ended = None if outcome == "info" else at
        self.operation = Operation(
            operation.client, operation.name, operation.args, operation.begun, ended, outcome, result
        )
        self._history._tell(str(self.operation))  # noqa: SLF001

    def __repr__(self) -> str:
        """Say which it is."""
        return f"<Call {self.operation}>"


class History:
    """Record operations that run at the same time, and check whether an order of them explains what they returned.

    A scenario finds one as `sim.history`; made by itself, it records any program of one thread.

    Args:
        tell: hears of each begin and each end, as a line.
    """

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        self._calls: list[Call] = []
        self._running: dict[str | int, Call] = {}
        self._events = 0
        self._listener = tell

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All operations in order of their begins, as of now."""
        return tuple(call.operation for call in self._calls)

    def invoke(self, client: str | int, name: str, *args: Any) -> Call:
        """Record that an operation begins, and return what takes its end. Plain function.

        Args:
            client: who asks: a name or a number. One client does one thing at a time; it may go on after an `info`.
            name: what for.
            args: with what; what is in lists, dicts and sets is copied.

        Raises:
            InvalidHistory: an operation of this client is still running.
            TypeError: the client or the name is none.
        """
        check_client("history", client)
        if not isinstance(cast("object", name), str) or not name:
            raise TypeError(
                f"history: the operation of client {client} is {brief(name)}; give its name, such as 'write'"
            )
        running = self._running.get(client)
        if running is not None:
            raise InvalidHistory(
                f"history: {client} begins {name}, and has not ended {running.operation.name}; "
                "one client does one thing at a time: end it by ok, fail or info, or give another client"
            )
        call = self._running[client] = Call(self, client, name, snapshot(args), self._events)
        self._events += 1
        self._calls.append(call)
        self._tell(f"{client}: {name}({', '.join(map(brief, args))}) begins")
        return call

    @overload
    async def run(
        self,
        client: str | int,
        name: str,
        call: Callable[[*Args], Awaitable[R]],
        *args: *Args,
        answers: Errors = (),
        fails: Errors = (),
    ) -> R: ...

    @overload
    async def run(
        self,
        client: str | int,
        name: str,
        call: Callable[[*Args], R],
        *args: *Args,
        answers: Errors = (),
        fails: Errors = (),
    ) -> R: ...

    async def run(  # type: ignore[misc]  # mypy knows no implementation of what takes any arguments
        self,
        client: str | int,
        name: str,
        call: Callable[..., Any],
        *args: Any,
        answers: Errors = (),
        fails: Errors = (),
    ) -> Any:
        """Call a function, plain or async, with the arguments, and record it as an operation: `ok` with what it returns.

        What it raises is recorded as `info` (nobody knows whether it took effect), a cancellation too, and raised.

        Args:
            client: who asks, as for `invoke`.
            name: what for.
            call: what is called.
            args: given to it, and recorded.
            answers: errors that are results: recorded as `ok`, and the result is the error's class.
            fails: errors that say that it certainly did not take effect: recorded as `fail`.

        Returns:
            What it returned.

        Raises:
            InvalidHistory, TypeError: as `invoke`, or `call`, `answers` or `fails` is none; nothing has been recorded or called then.

        Checkpoint: as `call`.
        Cancellation: as `call`; the operation is recorded as `info`.
        """
        if not callable(call):
            raise TypeError(f"history.run: what to call is {brief(call)}; give a function, and its arguments after it")
        check_errors("history.run", answers, fails)
        invoked = self.invoke(client, name, *args)
        try:
            result = call(*args)
            if isawaitable(result):
                result = await result
        except BaseException as error:
            if isinstance(error, answers):
                invoked.ok(type(error))
            elif isinstance(error, fails):
                invoked.fail(error)
            else:
                invoked.info(error)
            raise
        invoked.ok(result)
        return result

    def check(
        self,
        model: type[SequentialModel] | SequentialModel,
        *,
        max_nodes: int = MAX_NODES,
        seconds: float | None = None,
        raises: bool = True,
    ) -> Linearizability:
        """Check whether what was recorded so far is linearizable with respect to a model. Plain function.

        Operations that are open count as `info`; failed ones as if they had never been.

        Args:
            model: the specification: a class of `SequentialModel` that is made without arguments, or an instance.
            max_nodes: configurations that the search of a partition may come to before the verdict is "unknown"; some bytes each.
            seconds: of real time after which it is "unknown"; None for no limit. In a scenario, a limit in seconds is not replayed: leave it None.
            raises: False returns each verdict.

        Returns:
            The verdict, with the linearization.

        Raises:
            NotLinearizable: there is no linearization.
            LinearizabilityUnknown: the limit was reached.
            InvalidHistory: no operation has ended, so there is nothing to check.
            InvalidModel: the model is none, or does what a model may not.
            ValueError: a limit is none.
        """
        check_count("max_nodes", max_nodes)
        check_seconds(seconds)
        operations = self.operations
        if not operations:
            raise InvalidHistory("history.check: nothing has been recorded; record operations by run or invoke")
        if not any(each.outcome == "ok" for each in operations):
            raise InvalidHistory(
                f"history.check: none of {len(operations)} operations has returned anything; check after they have ended"
            )
        verdict = check_operations(operations, made_model("history.check", model), max_nodes=max_nodes, seconds=seconds)
        if raises and verdict.verdict == "not linearizable":
            raise NotLinearizable(verdict)
        if raises and verdict.verdict == "unknown":
            raise LinearizabilityUnknown(verdict)
        return verdict

    def _end(self, call: Call) -> int:
        del self._running[call.operation.client]
        self._events += 1
        return self._events - 1

    def _tell(self, text: str) -> None:
        if self._listener is not None:
            self._listener(text)


def check_client(caller: str, client: Any) -> None:
    """Refuse what is neither a name nor a number.

    Raises:
        TypeError: with what it was.
    """
    if isinstance(client, bool) or not isinstance(client, (str, int)) or client == "":
        raise TypeError(f"{caller}: the client is {brief(client)}; give a name or a number")


def check_errors(caller: str, answers: Any, fails: Any) -> None:
    """Refuse what are no classes of errors.

    Raises:
        TypeError: with what it was.
    """
    for option, errors in (("answers", answers), ("fails", fails)):
        some: tuple[Any, ...] = errors if isinstance(errors, tuple) else (errors,)  # pyright: ignore[reportUnknownVariableType]
        if not all(isinstance(each, type) and issubclass(each, BaseException) for each in some):
            raise TypeError(f"{caller}: {option} is {brief(errors)}; give a class of errors, or a tuple of such")


def made_model(caller: str, model: Any) -> SequentialModel:
    """Return a model of its class, or as it is.

    Raises:
        InvalidModel: it is none.
    """
    if isinstance(model, type) and issubclass(model, SequentialModel):
        try:
            return model()
        except Exception as error:
            name = model.__name__
            raise InvalidModel(
                f"{caller}: {name}() raised {type(error).__name__}: {error}; give an instance"
            ) from error
    if isinstance(model, SequentialModel):
        return model
    raise InvalidModel(f"{caller}: the model is {brief(model)}; give a class of SequentialModel, or an instance")
