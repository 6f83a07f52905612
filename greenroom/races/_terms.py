"""The terms of a search: what is the same for all of its runs."""

from collections.abc import Callable
from typing import Final, Literal

import attrs
import trio

from ._checks import check_count
from ._hook import works
from ._listener import Listener
from ._schedule import Fidelity, Time
from ._stepper import Stepper
from ._threads import Threads, threads_work

Backend = Literal["gate", "hook"]
MAX_STEPS: Final = 10_000


@attrs.frozen
class Terms:
    """Hold what is the same for all runs of a search.

    Attributes:
        max_steps: steps after which a run counts as a livelock.
        time: whether letting time pass is among the choices.
        backend: how steps are controlled.
        takes_notes: of each run, for somebody to read.
        threads: what becomes of what a scenario gives to threads.
        fidelity: whether all orders of steps are among the choices, or those alone that Trio may take.
        listen: makes what hears of all that a run does, if no notes are taken of it; None: nothing does.
    """

    max_steps: int = MAX_STEPS
    time: Time = "exact"
    backend: Backend = attrs.field(factory=lambda: "hook" if works() else "gate")
    takes_notes: bool = False
    threads: Threads = "inline"
    fidelity: Fidelity = "all"
    listen: Callable[[Stepper], Listener] | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse what is none of what there is."""
        check_count("max_steps", self.max_steps)
        if self.time not in ("exact", "choice"):
            raise ValueError(f"time is {self.time!r}; give 'exact' or 'choice'")
        if self.threads not in ("inline", "refuse", "real"):
            raise ValueError(f"threads is {self.threads!r}; give 'inline', 'refuse' or 'real'")
        if self.fidelity not in ("all", "trio"):
            raise ValueError(f"fidelity is {self.fidelity!r}; give 'all' or 'trio'")
        threads_work()  # within Trio it is too late to find out
        if self.backend not in ("gate", "hook"):
            raise ValueError(f"backend is {self.backend!r}; give 'gate' or 'hook'")
        if self.backend == "hook" and not works():
            raise ValueError(f"backend 'hook' does not work with Trio {trio.__version__}; give 'gate'")
