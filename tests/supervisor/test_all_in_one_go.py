"""All that is wrong with a specification, a start or a value is told in one go, whichever of it is looked at first."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from greenroom import Agent, ChildSpec, Context, InvalidSpec, SupervisorSpec, check_specs
from greenroom.testing import open_tree

from .failing import Plain


async def plain(ctx: Context) -> None:
    async for _ in ctx:
        pass


class Thinker(Agent[Any]):
    def __init__(self, name: str) -> None:
        pass


#: Wrong options of a function that is an actor, with what is told of each.
OPTIONS: dict[str, tuple[Any, str]] = {
    "restart": ("x", "restart: 'x' is not one of permanent, transient, temporary"),
    "shutdown": (-1, "shutdown: -1 is not a number of seconds from 0"),
    "labels": (3, "labels: 3 is not a mapping"),
    "mailbox": (3, "mailbox: 3 is no MailboxSpec"),
    "redeliver": (-1, "redeliver: -1 is not a whole number from 0"),
    "rest_after": (3, "rest_after: only agents can be put to rest, and plain is a plain function"),
    "on_error": ({ValueError: "resume"}, "on_error: plain is a function, and ends with what leaves it"),
    "on_overdue": ("cancel", "on_overdue: plain is a function, and a message of it cannot be cancelled"),
    "handler_timeout": (-1, "handler_timeout: -1 is not a number of seconds above 0"),
    "keys": ("k", "keys: 'k' is no list of keys"),
}
WORDS = [text for _, text in OPTIONS.values()]
ALL = {key: value for key, (value, _) in OPTIONS.items()}
ARGS = "takes 0 positional arguments (after the context), got 1"


def told(caught: pytest.ExceptionInfo[InvalidSpec], *texts: str) -> None:
    missing = [text for text in texts if str(caught.value).count(text) != 1]
    assert not missing, str(caught.value)


def test_all_that_is_wrong_with_a_child_is_told_whatever_its_kind_has_to_do_with_it() -> None:
    with pytest.raises(InvalidSpec) as caught:
        check_specs([ChildSpec("A", plain, ["x"], startup="x", **ALL)])  # type: ignore[arg-type]
    told(caught, "name: 'A' is no name", "startup: 'x'", ARGS, *WORDS)


@pytest.mark.parametrize("key", OPTIONS)
def test_any_two_wrong_options_are_told_together_and_with_wrong_arguments(key: str) -> None:
    for other, (value, text) in OPTIONS.items():
        given: Any = {key: OPTIONS[key][0], other: value}
        if "on_overdue" in given and "handler_timeout" not in given:
            given["handler_timeout"] = 3.0
        with pytest.raises(InvalidSpec) as caught:
            check_specs([ChildSpec("a", plain, ["x"], **given)])
        told(caught, OPTIONS[key][1], text, ARGS)


def test_wrong_keyword_arguments_hide_nothing() -> None:
    for kwargs, text in (({"nope": 1}, "got an unexpected keyword argument 'nope'"), ({1: 2}, "kwargs: {1: 2} is not")):
        with pytest.raises(InvalidSpec) as caught:
            check_specs([ChildSpec("a", plain, kwargs=kwargs, **ALL)])  # type: ignore[arg-type]
        told(caught, text, *WORDS)
    with pytest.raises(InvalidSpec) as caught:
        check_specs([ChildSpec("a", 3, 3, kwargs=3, shutdown=-1)])  # type: ignore[arg-type]
    told(caught, "args: 3 is no list", "kwargs: 3 is not", "3 is not a factory", "shutdown: -1")
    with pytest.raises(InvalidSpec, match="3 is not a factory"):
        check_specs([ChildSpec("a", 3, kwargs={"x": 1})])  # type: ignore[arg-type]


def test_what_is_wrong_with_a_copied_child_hides_neither_its_arguments_nor_its_kind() -> None:
    for flags in ({"partitions": 2}, {"partitions": -1}, {"partitions": 2, "with_arguments": lambda args, _: args}):
        with pytest.raises(InvalidSpec) as caught:
            check_specs([ChildSpec("A", plain, ["x"], **ALL)], **flags)
        told(caught, "name: 'A' is no name", *WORDS)
        assert (ARGS in str(caught.value)) or flags["partitions"] == -1


def test_an_iterator_of_children_or_of_rows_is_looked_at_as_if_it_were_a_list() -> None:
    def rows() -> Iterator[Any]:
        yield ValueError, "resume"

    for flags in ({}, {"partitions": 2}, {"partitions": 2, "with_arguments": lambda args, _: args}):
        with pytest.raises(InvalidSpec, match="takes 0 positional arguments"):
            check_specs(iter([ChildSpec("a", plain, ["x"])]), **flags)
        with pytest.raises(InvalidSpec, match="there is nothing to resume"):
            check_specs(iter([ChildSpec("a", plain, on_error=rows())]), **flags)  # type: ignore[arg-type]
    with pytest.raises(InvalidSpec, match="give exactly one"):
        check_specs(iter([ChildSpec("a", plain), ChildSpec("b", plain)]), partitions=2)
    with pytest.raises(InvalidSpec, match="a dynamic supervisor declares none"):
        check_specs(iter([ChildSpec("a", plain)]), strategy="dynamic")


async def test_all_that_is_wrong_with_a_start_is_told_in_one_go() -> None:
    unknown: dict[str, Any] = {"name": "A", "foo": 1, "restrat": 2, "significant": True, "wake_parent": 3}
    texts = (
        "unknown option 'foo'; there are name",
        "unknown option 'restrat'; did you mean 'restart'?",
        "name: 'A' is no name",
        "significant: its supervisor has auto_shutdown='never'",
        "wake_parent: 3 is neither",
        ARGS,
        *WORDS,
    )
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec) as caught:
            root.start_soon(plain, "x", **ALL, **unknown)  # type: ignore[call-overload]
        told(caught, *texts)
        with pytest.raises(InvalidSpec) as caught:
            await root.start(plain, "x", **ALL, **unknown)  # type: ignore[call-overload]
        told(caught, *texts)
        with pytest.raises(InvalidSpec) as caught:
            root.start_soon(3, "x", name="A", foo=1, shutdown=-1)  # type: ignore[call-overload]
        told(caught, "3 is not a factory", "name: 'A'", "unknown option 'foo'", "shutdown: -1")
        assert root.which_children() == []
        root.start_soon(partial(Thinker, "x"), rest_after=3.0, on_error={ValueError: "resume"})


async def test_an_option_of_declared_children_alone_is_told_where_it_belongs() -> None:
    async with open_tree("stage") as root:
        for value in ("inline", "deferred", None, 3, "x"):
            given: Any = {"startup": value}
            with pytest.raises(InvalidSpec, match=r"^startup: what is started at run time is always deferred"):
                root.start_soon(Plain, [], **given)
            with pytest.raises(InvalidSpec, match=r"^startup: what is started at run time is always deferred"):
                await root.start(Plain, [], **given)


async def test_who_cannot_be_significant_is_told_what_would_help() -> None:
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec, match="give that 'any_significant'"):
            root.start_soon(Plain, [], significant=True, restart="transient")
    async with open_tree("stage", strategy="dynamic") as root:
        for step in (
            lambda: root.start_soon(Plain, [], significant=True, restart="transient"),
            lambda: root.start_supervisor("t", significant=True, restart="transient"),
        ):
            with pytest.raises(InvalidSpec, match=r"^(.*: )?significant: .* a dynamic supervisor; leave it out$"):
                step()

    class Boss(Agent[Any]):
        async def startup(self, ctx: Context) -> None:
            ctx.start_soon(Plain, [], significant=True, restart="transient")

    async with open_tree("stage") as root:
        with pytest.raises(Exception, match="significant: /stage/boss is no supervisor, and no end of a child ends it"):
            await root.start(Boss, name="boss")


def test_a_key_that_two_want_is_told_whatever_else_is_wrong_with_them() -> None:
    with pytest.raises(InvalidSpec) as caught:
        check_specs([ChildSpec("a", Plain, [[]], shutdown=-1, keys=["k"]), ChildSpec("b", Plain, [[]], keys=["k"])])
    said = str(caught.value).splitlines()
    assert len(said) == 2
    assert "shutdown: -1" in said[0]
    assert said[1].startswith("children[1] ('b'): keys: 'k' is wanted by children[0] ('a'), too")


class Strange:
    """Be equal to all, or raise when it is asked."""

    def __init__(self, *, raises: bool) -> None:
        self._raises = raises

    def __eq__(self, other: object) -> bool:
        if self._raises:
            raise ValueError("not comparable")
        return True

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<strange>"


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("field", ["startup", "restart", "on_overdue", "strategy", "auto_shutdown"])
def test_what_has_a_comparison_of_its_own_is_no_word(field: str, raises: bool) -> None:
    strange = Strange(raises=raises)
    flags: dict[str, Any] = {field: strange} if field in ("strategy", "auto_shutdown") else {}
    options: dict[str, Any] = {} if flags else {field: strange}
    more: dict[str, Any] = {"significant": True} if field == "restart" else {}
    with pytest.raises(InvalidSpec) as caught:
        check_specs([ChildSpec("a", Plain, [[]], shutdown=-1, **options, **more)], **flags)
    said = str(caught.value)
    assert f"{field}: <strange> is" in said
    assert "shutdown: -1" in said


async def test_a_name_that_cannot_be_shown_hides_nothing_else_of_an_update() -> None:
    class Unshown:
        def __str__(self) -> str:
            raise RuntimeError("not today")

        __repr__ = __format__ = __str__  # type: ignore[assignment]

    nameless: Any = Unshown()
    async with open_tree("stage") as root:
        await root.start(Plain, [], name="other", keys=["K"])
        with pytest.raises(InvalidSpec) as caught:
            root.update_specs([SupervisorSpec("m", [ChildSpec(nameless, Plain, [[]], keys=["K"])])])
        first, *others = str(caught.value).splitlines()
        assert first == (
            "m/<test_a_name_that_cannot_be_shown_hides_nothing_else_of_an_update.<locals>.Unshown, whose repr raises RuntimeError>: "
            "keys: 'K' is in use by /stage/other"
        )
        assert any("is no name; use 1 to 64 of the characters" in each for each in others)
