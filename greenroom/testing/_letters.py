"""Letters: what became of mail that nobody handled, and what a test expected of that."""

from collections.abc import Mapping
from typing import Any, cast, get_args

import attrs

from ..mailbox import DeadLetter, DeadLetters, DeadReason
from ..mailbox._dead_letters import HOUSEKEEPING
from ._errors import DeadLettersOverlooked

#: How many letters are kept as text, to be shown when a check fails.
KEPT = 20
REASONS: tuple[str, ...] = get_args(DeadReason)
#: Of these the value is shown: their repr runs no user code.
PLAIN = (bool, int, float, str, bytes, type(None))


@attrs.frozen
class LostMail:
    """Tell of a dead letter, as text: the message itself is not kept, as a test must not keep alive what a program would let go."""

    path: str
    seq: int
    reason: str
    message: str
    sender: str

    def __str__(self) -> str:
        """Show what it was, to whom, from whom."""
        sender = f" from {self.sender}" if self.sender else ""
        return f"{self.message} to {self.path}{sender}, seq {self.seq}"


class Letters:
    """Note the dead letters of one tree, and compare them with what the test expects."""

    def __init__(self, dead_letters: DeadLetters) -> None:
        self._dead_letters = dead_letters
        self._expected: dict[str, int | None] = {}
        self._ignored = False
        self.noted: list[LostMail] = []
        #: what `DeadLetters` counts for a feed that is full; here nothing is.
        self.missed = 0
        # In the place of a feed's channel, as a feed would keep the messages alive until somebody reads it.
        feeds = cast(
            "dict[Any, Any]",
            dead_letters._feeds,  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        )
        feeds[self] = self

    def send_nowait(self, letter: DeadLetter) -> None:
        """Note a letter. Plain, runs no user code."""
        if len(self.noted) < KEPT:
            message = letter.message
            text = repr(message) if type(message) in PLAIN else f"a {type(message).__qualname__}"
            sender = "" if letter.sender is None else str(getattr(letter.sender, "path", ""))
            self.noted.append(LostMail(letter.path, letter.seq, letter.reason, text, sender))

    def close(self) -> None:
        """Take none any more (the tree has ended)."""

    def expect(self, reason: str, count: int | None) -> None:
        """Expect so many letters with a reason; None: any number. Numbers for the same reason add up."""
        if reason not in REASONS:
            raise ValueError(f"expect_dead_letters: {reason!r} is no reason; there are {', '.join(REASONS)}")
        if count is not None and (type(count) is not int or count < 0):
            raise ValueError(f"expect_dead_letters: count is {count!r}; give a whole number from 0, or None for any")
        before = self._expected.get(reason, 0)
        self._expected[reason] = None if count is None or before is None else before + count

    def ignore(self) -> None:
        """Let all of them pass."""
        self._ignored = True

    @property
    def expected(self) -> Mapping[str, int | None]:
        """What the test expects: reason -> how many, None for any number."""
        return dict(self._expected)

    def check(self, path: str) -> None:
        """Raise DeadLettersOverlooked if there were others than the test expects.

        What the runtime made itself and may drop (ticks, downs, late replies, asks whose asker has gone) has to be as the test says only
        if it says something of it.
        """
        if self._ignored:
            return
        counts = self._dead_letters.counts
        differences: dict[str, tuple[int | None, int]] = {}
        for reason in REASONS:
            found = counts.get(reason, 0)
            if reason in self._expected:
                expected = self._expected[reason]
                if expected is not None and expected != found:
                    differences[reason] = (expected, found)
            elif found and reason not in HOUSEKEEPING:
                differences[reason] = (None, found)
        if differences:
            raise DeadLettersOverlooked(path, differences, self.noted)
