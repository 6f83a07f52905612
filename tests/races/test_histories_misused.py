"""Wrong uses of histories and models: a clear word, and nothing is recorded or called."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from greenroom.races import History, InvalidHistory, InvalidModel, SequentialModel, Sim

from .histories import Register


def began() -> tuple[History, Any]:
    history = History()
    return history, history.invoke("a", "read")


async def run(history: Any, args: Any) -> None:
    await history.run(*args, len)


BAD_CALLS: list[tuple[tuple[Any, ...], type[Exception], str]] = [
    ((None, "read"), TypeError, "history: the client is None; give a name or a number"),
    (("", "read"), TypeError, "history: the client is ''; give a name"),
    ((True, "read"), TypeError, "history: the client is True; give a name"),
    ((["a"], "read"), TypeError, r"history: the client is \['a'\]; give a name"),
    ((1.5, "read"), TypeError, "history: the client is 1.5; give a name"),
    ((b"a", "read"), TypeError, "history: the client is b'a'; give a name"),
    (("b", None), TypeError, "history: the operation of client b is None; give its name, such as 'write'"),
    (("b", ""), TypeError, "history: the operation of client b is ''; give its name"),
    (("b", print), TypeError, "history: the operation of client b is <built-in function print>; give its name"),
    (("b", 3), TypeError, "history: the operation of client b is 3"),
    (("a", "write"), InvalidHistory, "history: a begins write, and has not ended read; one client does one thing at a time"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "error", "text"), BAD_CALLS)
def test_an_operation_that_cannot_begin_is_refused(args: Any, error: type[Exception], text: str) -> None:
    history, _ = began()
    with pytest.raises(error, match=text):
        history.invoke(*args)
    with pytest.raises(error, match=text):
        trio.run(run, history, args)
    assert len(history.operations) == 1


@pytest.mark.parametrize("first", ["ok", "fail", "info"])
@pytest.mark.parametrize("second", ["ok", "fail", "info"])
def test_an_operation_ends_once(first: str, second: str) -> None:
    history, call = began()
    getattr(call, first)()
    before = history.operations
    with pytest.raises(
        InvalidHistory, match=rf"{second}: the operation has ended already, a: read\(\) .*; an operation ends once"
    ):
        getattr(call, second)(1)
    assert history.operations == before
    history.invoke("a", "read").ok()  # a client goes on after each of them


NO_ERRORS: list[tuple[dict[str, Any], str]] = [
    ({"answers": "KeyError"}, "history.run: answers is 'KeyError'; give a class of errors, or a tuple of such"),
    ({"answers": None}, "history.run: answers is None"),
    ({"answers": KeyError()}, r"history.run: answers is KeyError\(\)"),
    ({"answers": [KeyError]}, r"history.run: answers is \[<class 'KeyError'>\]"),
    ({"answers": int}, "history.run: answers is <class 'int'>"),
    ({"fails": (KeyError, 3)}, r"history.run: fails is \(<class 'KeyError'>, 3\)"),
    ({"fails": True}, "history.run: fails is True"),
]


@pytest.mark.parametrize(("options", "text"), NO_ERRORS)
def test_what_is_no_class_of_errors_is_refused_before_anything_is_called(options: dict[str, Any], text: str) -> None:
    history, called = History(), list[int]()
    with pytest.raises(TypeError, match=text):
        trio.run(lambda: history.run("a", "put", called.append, 1, **options))
    assert (called, history.operations) == ([], ())


@pytest.mark.parametrize("call", [None, 3, "read", [len], trio.Event()])
def test_what_cannot_be_called_is_refused(call: Any) -> None:
    history = History()
    with pytest.raises(
        TypeError, match=r"history\.run: what to call is .*; give a function, and its arguments after it"
    ):
        trio.run(history.run, "a", "put", call)
    assert history.operations == ()


def test_a_check_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidHistory, match=r"history\.check: nothing has been recorded"):
        History().check(Register)
    for end in ("", "info", "fail"):
        history, call = began()
        if end:
            getattr(call, end)()
        with pytest.raises(
            InvalidHistory, match="none of 1 operations has returned anything; check after they have ended"
        ):
            history.check(Register)


class Needs(Register):
    def __init__(self, size: int) -> None:
        self.size = size


@pytest.mark.parametrize("model", [None, 3, "Register", dict, {}, Sim, len, [Register]])
def test_what_is_no_model_is_refused(model: Any) -> None:
    history, call = began()
    call.ok(0)
    with pytest.raises(
        InvalidModel, match=r"history\.check: the model is .*; give a class of SequentialModel, or an instance"
    ):
        history.check(model)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("max_nodes", 0, "max_nodes is 0; give a number from 1"),
        ("max_nodes", None, "max_nodes is None"),
        ("max_nodes", True, "max_nodes is True"),
        ("max_nodes", 1.5, "max_nodes is 1.5"),
        ("seconds", -1, "seconds is -1; give a number from 0, or None for no limit"),
        ("seconds", "1", "seconds is '1'"),
    ],
)
def test_limits_that_cannot_be_are_refused(name: str, value: Any, text: str) -> None:
    history, call = began()
    call.ok(0)
    options: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=text):
        history.check(Register, **options)


class Incomparable:
    def __eq__(self, other: object) -> bool:
        raise OverflowError("not me")

    def __hash__(self) -> int:
        return 1


def broken(**methods: Any) -> Callable[[], SequentialModel]:
    return type("Broken", (Register,), methods)


def gives(value: Any) -> Callable[..., Any]:
    return lambda *_args: value


def lacks(*_args: Any) -> Any:
    raise KeyError(1)


BAD_MODELS: list[tuple[Any, str]] = [
    (SequentialModel, r"SequentialModel.apply\(None, 'read', \(\)\) raised NotImplementedError: give the model an `apply`"),
    (broken(initial=[]), r"Broken.initial raised TypeError: unhashable type: 'list'; the state \[\] has to be hashable"),
    (broken(apply=gives(None)), r"Broken.apply\(0, 'read', \(\)\) returned None; give a tuple of a result and the next state"),
    (broken(apply=gives((1, 2, 3))), r"Broken.apply\(0, 'read', \(\)\) returned \(1, 2, 3\)"),
    (broken(apply=gives([0, 0])), r"Broken.apply\(0, 'read', \(\)\) returned \[0, 0\]"),
    (broken(apply=gives((0, {}))), r"Broken.apply\(0, 'read', \(\)\) raised TypeError: unhashable type: 'dict'; the state \{\} has"),
    (broken(apply=lacks), r"Broken.apply\(0, 'read', \(\)\) raised KeyError: 1; give a result and a state"),
    (broken(outcomes=gives(7)), r"Broken.outcomes\(0, 'read', \(\)\) raised TypeError: 'int' object is not iterable"),
    (broken(outcomes=gives([7])), r"Broken.outcomes\(0, 'read', \(\)\) returned 7; give a tuple"),
    (broken(apply=gives((Incomparable(), 0))), r"of read, raised OverflowError\('not me'\); give results that can be compared"),
    (broken(partition=gives([])), r"Broken.partition\('read', \(\)\) raised TypeError: unhashable type: 'list'; give a key"),
    (broken(partition=lacks), r"Broken.partition\('read', \(\)\) raised KeyError: 1"),
    (broken(describe=gives(5)), r"Broken.describe\(0\) returned 5; give a text"),
    (broken(describe=lacks), r"Broken.describe\(0\) raised KeyError: 1; give a text"),
    (Needs, r"history.check: Needs\(\) raised TypeError: .*; give an instance"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "text"), BAD_MODELS)
def test_a_model_that_does_what_it_may_not_is_told(model: Any, text: str) -> None:
    history, call = began()
    call.ok(0)
    with pytest.raises(InvalidModel, match=text):
        history.check(model)
