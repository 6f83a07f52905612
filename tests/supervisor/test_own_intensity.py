"""What a class says of its own children's restarts: a wrong intensity is refused where the actor is declared or started, and not passed over."""

from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    Agent,
    ChildSpec,
    Context,
    Crashed,
    Escalated,
    Intensity,
    InvalidSpec,
    StartupFailed,
    check_specs,
)
from greenroom.testing import open_tree

WRONG: list[Any] = [
    (1, 5), 3, 0, False, "3/5", [3, 5.0], {"max_restarts": 1, "within": 5}, Intensity, object(), lambda _: Intensity(),
]  # fmt: skip


def made(intensity: Any, base: type[Any] = Actor) -> Any:
    class Boss(base):  # type: ignore[misc]
        def receive(self, message: Any, ctx: Context) -> None:
            pass

    Boss.intensity = intensity
    Boss.__qualname__ = "Boss"
    return Boss


@pytest.mark.parametrize("intensity", WRONG, ids=[str(at) for at in range(len(WRONG))])
@pytest.mark.parametrize("base", [Actor, Agent])
async def test_a_wrong_intensity_of_a_class_is_refused_with_its_name(intensity: Any, base: type[Any]) -> None:
    boss = made(intensity, base)
    text = f"Boss.intensity: {intensity!r} is no Intensity; give Intensity(max_restarts, within=seconds), or None"
    async with open_tree("stage") as root:
        for _ in range(2):  # also when it is known already
            with pytest.raises(InvalidSpec) as caught:
                root.start_soon(boss)
            assert text in str(caught.value)
        with pytest.raises(InvalidSpec, match=r"Boss\.intensity: "):
            await root.start(boss, name="boss")
        with pytest.raises(InvalidSpec, match=r"Boss\.intensity: "):
            root.start_supervisor("t", [ChildSpec("boss", boss)])
        with pytest.raises(InvalidSpec, match=r"Boss\.intensity: "):
            root.update_specs([ChildSpec("boss", boss)])
        assert root.which_children() == []
    with pytest.raises(InvalidSpec) as caught:
        check_specs([ChildSpec("boss", boss)])
    assert str(caught.value).startswith(f"children[0] ('boss'): {text}")


async def test_it_is_told_with_all_else_that_is_wrong() -> None:
    boss = made((1, 5))
    with pytest.raises(InvalidSpec) as caught:
        check_specs([ChildSpec("Boss", boss, ["x"], restart="x", rest_after=3)])  # type: ignore[arg-type]
    for word in (
        "name: 'Boss'",
        "restart: 'x'",
        "Boss.intensity: (1, 5)",
        "takes 0 positional",
        "rest_after: only agents",
    ):
        assert word in str(caught.value)
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec) as caught:
            root.start_soon(boss, "x", name="Boss", restart="x", rest_after=3)  # type: ignore[arg-type]
        for word in (
            "name: 'Boss'",
            "restart: 'x'",
            "Boss.intensity: (1, 5)",
            "takes 0 positional",
            "rest_after: only",
        ):
            assert word in str(caught.value)


async def test_what_only_its_making_shows_is_a_failed_startup() -> None:
    boss = made((1, 5))
    async with open_tree("stage") as root:
        with pytest.raises(StartupFailed, match=r"Boss\.intensity: "):
            await root.start(lambda: boss())  # noqa: PLW0108 -- of which nothing is known


class Made(Actor[Any]):
    """Have an intensity of its own, and a child when told to."""

    def __init__(self, intensity: Any) -> None:
        self.intensity = intensity

    def receive(self, message: Any, ctx: Context) -> None:
        ctx.start_soon(Made, None, name="below", restart="permanent")


class Raises(Made):
    def __init__(self) -> None:
        pass

    @property
    def intensity(self) -> Any:
        raise LookupError("not today")


@pytest.mark.parametrize("intensity", WRONG, ids=[str(at) for at in range(len(WRONG))])
async def test_a_wrong_one_of_the_actors_own_is_refused_to_it_when_it_starts_a_child(intensity: Any) -> None:
    async with open_tree("stage") as root:
        boss = root.start_soon(Made, intensity, restart="temporary")
        boss.tell("start one")
        reason = await boss.wait_stopped()
        assert isinstance(reason, Crashed)
        assert isinstance(reason.error, InvalidSpec)
        assert f"Made.intensity: {intensity!r} is no Intensity; give Intensity(" in str(reason.error)
        root.reports.drain()


async def test_one_that_can_not_be_read_is_refused_to_the_actor_when_it_starts_a_child() -> None:
    async with open_tree("stage") as root:
        boss = root.start_soon(Raises, restart="temporary")
        boss.tell("start one")
        reason = await boss.wait_stopped()
        assert isinstance(reason, Crashed)
        assert isinstance(reason.error, InvalidSpec)
        assert str(reason.error) == "Raises.intensity: it can not be read: LookupError: not today"
        root.reports.drain()


@pytest.mark.parametrize(("intensity", "borne"), [(None, 3), (Intensity(1, 5.0), 1), (Intensity(4, 5.0), 4)])
async def test_its_children_are_restarted_as_often_as_the_actors_own_says(intensity: Any, borne: int) -> None:
    async with open_tree("stage") as root:
        boss = root.start_soon(Made, intensity, restart="temporary")
        boss.tell("start one")
        await wait_all_tasks_blocked()
        below = root.lookup(f"{boss.path.removeprefix('/stage/')}/below")
        for number in range(borne):
            below.crash(ValueError(number))
            await wait_all_tasks_blocked()
            assert (boss.lifecycle, below.incarnation) == ("ready", number + 2)
        below.crash(ValueError("once more"))
        assert isinstance(await boss.wait_stopped(), Escalated)
        root.reports.drain()


@pytest.mark.parametrize(
    "intensity", [None, Intensity(), property(lambda _: Intensity(1, 5.0))], ids=["none", "one", "made"]
)
async def test_a_right_one_is_taken(intensity: Any) -> None:
    check_specs([ChildSpec("boss", made(intensity))])
    async with open_tree("stage") as root:
        await root.start(made(intensity))
