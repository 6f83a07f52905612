"""What a class says of its own children's restarts: a wrong intensity is refused where the actor is declared or started, and not passed over."""

from typing import Any

import pytest

from greenroom import Actor, Agent, ChildSpec, Context, Intensity, InvalidSpec, StartupFailed, check_specs
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


@pytest.mark.parametrize(
    "intensity", [None, Intensity(), property(lambda _: Intensity(1, 5.0))], ids=["none", "one", "made"]
)
async def test_a_right_one_is_taken(intensity: Any) -> None:
    check_specs([ChildSpec("boss", made(intensity))])
    async with open_tree("stage") as root:
        await root.start(made(intensity))
