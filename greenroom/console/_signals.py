"""Signals: Ctrl-C and its like end a run in order; whoever insists breaks it off."""

import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
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
def signals_heard(react: Callable[[Signals], object], break_off: Callable[[Signals], object]) -> Generator[Signals]:
    """Call `react` in Trio's time for each signal that comes during the block.

    Who presses Ctrl-C again because some code does not let go of its task, so that the first was never heard, gets Trio's own answer: a
    KeyboardInterrupt where it is allowed. The third Ctrl-C calls `break_off` at once, wherever the program is.
    """
    token = trio.lowlevel.current_trio_token()
    signals = Signals()
    earlier: dict[int, Any] = {}

    def hear() -> None:
        signals.heard += 1
        react(signals)

    def handle(number: int, frame: FrameType | None) -> None:
        signals.received.append(signal.Signals(number))
        again = number == signal.SIGINT and len(signals.received) > 1
        if again and len(signals.received) >= INSISTS:
            break_off(signals)
        elif again and not signals.heard and callable(earlier[number]):
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


def kill_children() -> None:
    """Kill what this program has started, with all that is in the same groups: for when nothing can be ended in order any more."""
    try:
        tasks = Path("/proc/self/task").iterdir()
        children = {int(word) for task in tasks for word in (task / "children").read_text(encoding="ascii").split()}
    except (OSError, ValueError):
        return  # no such system; those who read their stdin see its end
    for child in children:
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(child) == child:
                os.killpg(child, signal.SIGKILL)
