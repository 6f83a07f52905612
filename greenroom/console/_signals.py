"""Signals: Ctrl-C and its like end a run in order; whoever insists breaks it off."""

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import attrs
import trio

CAUGHT: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
#: So many Ctrl-Cs break off what does not end.
INSISTS: Final = 3


@attrs.define
class Signals:
    """Tell which signals have come.

    Attributes:
        received: in order.
        heard: how many of them the run has taken notice of; code that never comes to an await hears none.
    """

    received: list[signal.Signals] = attrs.field(factory=list[signal.Signals])
    heard: int = 0

    @property
    def exit_code(self) -> int | None:
        """What the shell expects after the first of them: 130 for Ctrl-C."""
        return 128 + self.received[0] if self.received else None


@contextmanager
def signals_heard(react: Callable[[Signals], object]) -> Generator[Signals]:
    """Call `react` in Trio's main task context for each signal that comes during the block.

    The third Ctrl-C, or the second if the first was never heard because some code does not let go of the task, is Trio's again: a
    KeyboardInterrupt where it is allowed.
    """
    token = trio.lowlevel.current_trio_token()
    signals = Signals()
    earlier: dict[int, Any] = {}

    def hear() -> None:
        signals.heard += 1
        react(signals)

    def handle(number: int, frame: FrameType | None) -> None:
        insists = len(signals.received) >= (INSISTS - 1 if signals.heard else 1)
        signals.received.append(signal.Signals(number))
        if number == signal.SIGINT and insists and callable(earlier[number]):
            earlier[number](number, frame)
        else:
            token.run_sync_soon(hear)

    for number in CAUGHT:
        # What was started with a signal ignored (nohup) goes on to ignore it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            earlier[number] = signal.signal(number, handle)
    try:
        yield signals
    finally:
        for number, before in earlier.items():
            signal.signal(number, before)
