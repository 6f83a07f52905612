"""The pytest plugin: the fixtures `tree` and `probe`, and the marker `greenroom`. It is imported by every pytest, so it imports nothing else."""

from collections.abc import AsyncGenerator, Callable, Generator
from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ._probe import Probe
    from ._tree import Tree

MARKER = (
    "greenroom(name=, dead_letters=, virtual_clock=, **options): how the fixture `tree` is opened; dead_letters: reason -> how many to expect "
    "(None: any number), virtual_clock=False: real time; the others as greenroom.open_supervisor"
)
OPTIONS = pytest.StashKey[dict[str, Any]]()
FAILED = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def greenroom_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options for the fixture `tree`, from the markers `greenroom`, the nearest one first; the virtual clock is set for the test here."""
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("greenroom"))):
        if marker.args:
            raise pytest.UsageError(f"the marker greenroom takes keywords only, got {marker.args!r}")
        options |= marker.kwargs
    virtual = options.pop("virtual_clock", True)
    request.node.stash[OPTIONS] = options
    chosen = [marker.kwargs["run"] for marker in request.node.iter_markers("trio") if "run" in marker.kwargs]
    # A test without the marker is none of Trio's; pytest-trio says so.
    if virtual and request.node.get_closest_marker("trio") is not None:
        request.node.add_marker(pytest.mark.trio(run=_with_virtual_clock(chosen)), append=False)
    return options


def _with_virtual_clock(chosen: list[Callable[..., Any]]) -> Callable[..., Any]:
    def run(function: Any, *, clock: Any = None, instruments: Any = ()) -> Any:
        import trio
        from trio.testing import MockClock

        # A clock that the test asked for is the one.
        virtual = MockClock(autojump_threshold=0) if clock is None else clock
        return (chosen[0] if chosen else trio.run)(function, clock=virtual, instruments=instruments)

    return run


@pytest.fixture
async def tree(request: pytest.FixtureRequest, greenroom_options: dict[str, Any]) -> "AsyncGenerator[Tree]":
    """A tree on a virtual clock; at the end nothing may be left of it, and no dead letter may have been overlooked."""
    from ._tree import open_tree

    async with open_tree(**greenroom_options) as opened:
        yield opened
        if request.node.stash.get(FAILED, False):
            opened.ignore_dead_letters()  # the test did not get to its end; its own failure is what counts


@pytest.fixture
async def probe(tree: "Tree") -> "Probe":
    """An actor in `tree` that records its mail, for the test to expect; `tree.probe()` makes more of them."""
    return tree.probe()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Note whether a test with a tree fails by itself. First, so that pytest-trio wraps what stands here."""
    if OPTIONS in item.stash and isinstance(item, pytest.Function) and iscoroutinefunction(item.obj):
        item.obj = _noting_failure(item.obj, item.stash)
    return (yield)


def _noting_failure(test: Callable[..., Any], stash: pytest.Stash) -> Callable[..., Any]:
    @wraps(test)
    async def noting(**fixtures: Any) -> None:
        __tracebackhide__ = True
        try:
            await test(**fixtures)
        except BaseException:
            stash[FAILED] = True
            raise

    return noting
