"""Probes: actors that record their mail, for a test to look at."""

from collections.abc import Callable
from typing import Any, TypeVar, overload

import attrs
import trio

from ..actors import Actor, ActorRef, Context, Down, Monitor, ReplyToken, check_seconds, monitor_slot, slot_of
from ..supervisor import Supervisor
from ._errors import Unexpected
from ._matching import describe, is_predicate, matches

T = TypeVar("T")

#: Seconds on Trio's clock.
WITHIN = 3.0
QUIET = 1.0
#: How many earlier messages a failure shows.
SHOWN = 5


@attrs.define(eq=False)
class Received:
    """Hold one mail as the probe got it.

    Attributes:
        message: what was sent.
        sender: who sent it, if the sender said so.
        seq: its number in the probe's mailbox.
        at: when it was taken, on Trio's clock.
        token: the way back to the asker; None if it is no request, or has been answered.
    """

    message: Any
    sender: ActorRef[Any] | None
    seq: int
    at: float
    token: ReplyToken[Any] | None = None

    def __str__(self) -> str:
        """Show the message and where it came from."""
        return repr(self.message) + ("" if self.sender is None else f" from {self.sender.path}")


class ProbeActor(Actor[Any]):
    """Be a probe's body: hand everything to the probe."""

    def __init__(self, take: Callable[[Any, Context], None]) -> None:
        self._take = take

    def receive(self, message: Any, ctx: Context) -> None:
        """Record it."""
        self._take(message, ctx)


class Probe:
    """Record mail, and expect it: what a test holds of an actor that it put in the place of another.

    Give `probe.ref` to the actors under test; it takes tells and asks as any other. Mail that is expected is taken off what is `pending`, in the
    order of its arrival. Made by `Tree.probe`.
    """

    def __init__(self) -> None:
        self._lot = trio.lowlevel.ParkingLot()
        self._all: list[Received] = []
        self._pending: list[Received] = []
        self._last: Received | None = None
        self._answers: list[tuple[Any, Any]] = []
        self._ref: ActorRef[Any] | None = None

    @classmethod
    def start(cls, supervisor: Supervisor, name: str) -> "Probe":
        """Start a probe under a supervisor, in a tree that is none of this kit's, say; `Tree.probe` is shorter. Plain function.

        Raises as `Supervisor.start_soon`.
        """
        probe = cls()
        probe._ref = supervisor.start_soon(ProbeActor, probe._take, name=name)
        return probe

    @property
    def ref(self) -> ActorRef[Any]:
        """The ref to give to others."""
        assert self._ref is not None
        return self._ref

    @property
    def received(self) -> list[Any]:
        """All messages so far, expected or not, in order of arrival; a copy."""
        return [each.message for each in self._all]

    @property
    def pending(self) -> list[Any]:
        """Messages that have arrived and were not expected yet; a copy."""
        return [each.message for each in self._pending]

    @property
    def last(self) -> Received:
        """What the last `expect` or `fish_for` took, with its sender.

        Raises:
            LookupError: nothing was taken yet.
        """
        if self._last is None:
            raise LookupError(f"{self.ref.path}: nothing has been expected yet, so there is no last one")
        return self._last

    # -- expecting

    @overload
    async def expect(self, what: type[T], *, within: float = WITHIN) -> T: ...
    @overload
    async def expect(self, what: Callable[[Any], bool], *, within: float = WITHIN) -> Any: ...
    @overload
    async def expect(self, what: Any, *, within: float = WITHIN) -> Any: ...
    async def expect(self, what: Any, *, within: float = WITHIN) -> Any:
        """Take the next message, and check that it is the one.

        Args:
            what: a class (an instance of it has to come), a function (it has to return true for the message), or a value (equal to the message).
            within: seconds on Trio's clock that it may take to come.

        Returns:
            The message. To answer it, if it is a request, call `reply`.

        Checkpoint: always. Cancellation: takes nothing.

        Raises:
            Unexpected: another message came first (it has been taken), or none in time.
        """
        received = await self._next(describe(what), within)
        if not matches(what, received.message):
            raise self._unexpected(describe(what), received, within)
        return received.message

    @overload
    async def fish_for(self, what: type[T], *, within: float = WITHIN) -> T: ...
    @overload
    async def fish_for(self, what: Callable[[Any], bool], *, within: float = WITHIN) -> Any: ...
    @overload
    async def fish_for(self, what: Any, *, within: float = WITHIN) -> Any: ...
    async def fish_for(self, what: Any, *, within: float = WITHIN) -> Any:
        """Take messages until the one that is expected comes; those before it are passed over, and stay in `received`.

        Args and returns as `expect`.

        Checkpoint: always. Cancellation: what has been passed over stays so.

        Raises:
            Unexpected: it did not come in time.
        """
        check_seconds("fish_for: within", within)
        deadline = trio.current_time() + within
        while True:
            left = max(0.0, deadline - trio.current_time())
            received = await self._next(f"(sooner or later) {describe(what)}", left, said=within)
            if matches(what, received.message):
                return received.message

    async def expect_nothing(self, *, within: float = QUIET) -> None:
        """Check that no message is pending, and that none comes.

        Args:
            within: seconds on Trio's clock to watch.

        Checkpoint: always. Cancellation: takes nothing.

        Raises:
            Unexpected: one did; it stays pending.
        """
        check_seconds("expect_nothing: within", within)
        await trio.lowlevel.checkpoint()
        with trio.move_on_after(within):
            while not self._pending:
                await self._lot.park()
        if self._pending:
            raise self._unexpected("nothing", self._pending[0], within)

    async def expect_down(self, ref: ActorRef[Any], *, within: float = WITHIN) -> Down:
        """Take the next message, and check that it says that `ref`, which this probe watches, has ended.

        Checkpoint: always. Cancellation: takes nothing.

        Raises:
            Unexpected: another message came first (it has been taken), or none in time.
        """
        text = f"the Down of {ref.path}"
        received = await self._next(text, within)
        down = received.message
        if not isinstance(down, Down) or down.ref != ref:
            raise self._unexpected(text, received, within)
        return down

    async def _next(self, text: str, within: float, *, said: float | None = None) -> Received:
        check_seconds("expect: within", within)
        await trio.lowlevel.checkpoint()
        with trio.move_on_after(within):
            while not self._pending:
                await self._lot.park()
        if not self._pending:
            raise self._unexpected(text, None, within if said is None else said)
        self._last = received = self._pending.pop(0)
        return received

    def _unexpected(self, expected: str, got: Received | None, within: float) -> Unexpected:
        before = [str(each) for each in self._all if each is not got][-SHOWN:]
        if not self.ref.is_alive:
            expected += f" (the probe is {self.ref.lifecycle}, and takes no mail)"
        return Unexpected(self.ref.path, expected, None if got is None else str(got), before, within)

    # -- acting

    def tell(self, ref: ActorRef[Any], message: Any) -> int:
        """Tell an actor something, with this probe as the sender. Plain function; as `ActorRef.tell`."""
        return ref.tell(message, sender=self.ref)

    def reply(self, value: Any) -> bool:
        """Answer the request that the last `expect` or `fish_for` took; False if the asker has gone. Plain function.

        Raises:
            LookupError: that was no request, or it has been answered.
        """
        return self._token().reply(value)

    def fail(self, error: BaseException) -> bool:
        """Raise an error at who sent the request that the last `expect` or `fish_for` took; False if the asker has gone. Plain function.

        Raises:
            LookupError: that was no request, or it has been answered.
        """
        return self._token().fail(error)

    @overload
    def answers(self, what: Any, answer: Callable[[Any], Any]) -> None: ...
    @overload
    def answers(self, what: Any, answer: Any) -> None: ...
    def answers(self, what: Any, answer: Any) -> None:
        """Answer from now on, at once, every request that matches; such requests are in `received` and not pending. Plain function.

        Args:
            what: as for `expect`; the rule that was given last is asked first.
            answer: a value, or a function that makes one of the message; what it raises is raised at the asker.
        """
        self._answers.insert(0, (what, answer))

    def watch(self, ref: ActorRef[Any]) -> Monitor:
        """Watch over an actor: its `Down` arrives as a message. Plain function; as `Context.monitor`."""
        return monitor_slot(slot_of(self.ref), ref)

    def _token(self) -> ReplyToken[Any]:
        last = self.last
        if last.token is None:
            raise LookupError(f"{self.ref.path}: {last} is no request, or has been answered")
        token, last.token = last.token, None
        return token

    # -- recording

    def _take(self, message: Any, ctx: Context) -> None:
        mail = ctx.mail
        assert mail is not None
        token = ctx.defer_reply() if mail.kind == "request" else None
        received = Received(message, mail.sender, mail.seq, trio.current_time(), token)
        self._all.append(received)
        if token is not None:
            rule = next((rule for rule in self._answers if matches(rule[0], message)), None)
            if rule is not None:
                received.token = None
                _answer(token, rule[1], message)
                return
        self._pending.append(received)
        self._lot.unpark_all()

    def __repr__(self) -> str:
        """Show path and numbers."""
        return f"<Probe {self.ref.path} received={len(self._all)} pending={len(self._pending)}>"


def _answer(token: ReplyToken[Any], answer: Any, message: Any) -> None:
    if not is_predicate(answer):
        token.reply(answer)
        return
    try:
        value = answer(message)
    except Exception as error:  # noqa: BLE001 -- the asker's to handle
        token.fail(error)
    else:
        token.reply(value)
