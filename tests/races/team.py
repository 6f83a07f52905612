"""Teams under test: a supervisor and its members, who keep account of what happens to them."""

from contextlib import suppress
from functools import partial
from typing import Any, Final

import trio

from greenroom import ActorInfo, ChildSpec, Context, GreenroomError, Intensity, Request, Strategy, Supervisor
from greenroom.races import Sim
from greenroom.supervisor._team import children_of

from .promise import Quiet, QuietAlone, choose_class, settle

STRATEGIES: Final[list[Strategy]] = ["one_for_one", "one_for_all", "rest_for_one"]
#: Lifecycles that nobody stays in.
AT_REST: Final = {"ready", "parked"}


class Book:
    """Keep account of members: which incarnation began, what was handled, and what went wrong."""

    def __init__(self) -> None:
        self.begun: dict[str, tuple[int, int]] = {}
        self.busy: set[str] = set()
        self.handled = 0
        self.wrong: list[str] = []


class Member(Quiet):
    """Note starts and messages; crash when told to."""

    def __init__(self, book: Book, *, in_order: bool = False) -> None:
        self._book = book
        self._in_order = in_order

    async def startup(self, ctx: Context) -> None:
        """See that the incarnation before has ended, and, where a group restarts in order, that those after it have."""
        book, at = self._book, (ctx.ref.uid, ctx.ref.incarnation)
        if ctx.path in book.busy:
            book.wrong.append(f"{ctx.path} starts while it handles a message")
        if book.begun.get(ctx.path, (0, 0)) >= at:
            book.wrong.append(f"{ctx.path} starts {at} after {book.begun[ctx.path]}")
        book.begun[ctx.path] = at
        if self._in_order:
            team = ctx.ref._slot.parent
            assert team is not None
            siblings = [*children_of(team).values()]
            for each in siblings[siblings.index(ctx.ref._slot) + 1 :]:
                if each.life.value == "ready":
                    book.wrong.append(f"{ctx.path} starts while {each.name} is ready")
        await trio.lowlevel.checkpoint()

    async def receive(self, message: Any, ctx: Context) -> Any:
        """Handle it; see that it is time for that."""
        book = self._book
        if ctx.ref.lifecycle in ("queued", "initializing", "restarting", "parked"):
            book.wrong.append(f"{ctx.path} handles {message!r} while {ctx.ref.lifecycle}")
        book.busy.add(ctx.path)
        try:
            await trio.lowlevel.checkpoint()
        finally:
            book.busy.discard(ctx.path)
        if isinstance(message, BaseException):
            raise message
        book.handled += 1
        return message


class MemberAlone(Member, QuietAlone):
    """Be one with a task of its own."""


class Ask(Request[Any]):
    """Ask for anything."""


def specs(sim: Sim, book: Book, names: str, **options: Any) -> list[ChildSpec]:
    """Return one spec for each letter."""
    kind = choose_class(sim, Member, MemberAlone)
    in_order = options.pop("in_order", False)
    return [ChildSpec(name, partial(kind, book, in_order=in_order), startup_timeout=None, **options) for name in names]


async def check(book: Book, team: Supervisor) -> None:
    """See that all come to rest, and that nothing went wrong."""
    on_the_way: list[tuple[str, str]] = []
    for _ in range(10):  # where time is a choice, it passes while others still have their next step before them
        await settle(30)
        on_the_way = [(info.path, info.lifecycle) for info in team.tree().walk() if info.lifecycle not in AT_REST]
        if not on_the_way:
            break
    assert not on_the_way, on_the_way
    assert not book.wrong, book.wrong


async def start_team(root: Supervisor, *args: Any, **options: Any) -> Supervisor:
    """Start a team that bears much, and wait until it is up."""
    options.setdefault("intensity", Intensity(20, 5))
    team = root.start_supervisor("team", *args, **options)
    with suppress(GreenroomError):
        await team.wait_ready()
    return team


def tell(team: Supervisor, name: str, message: Any) -> bool:
    """Tell a child something, if it takes mail now."""
    try:
        team.lookup(name).tell(message)
    except GreenroomError:
        return False
    return True


def find(team: Supervisor, path: str) -> ActorInfo | None:
    """Return what there is at a path, if anything is."""
    return next((info for info in team.tree().walk() if info.path == f"{team.path}/{path}"), None)
