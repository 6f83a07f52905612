"""One order: what in a trial would be decided by chance is decided by its seed.

Trio runs the tasks of a batch in an order of its own, which is random; it may be told to put them in the order of their making first, as it does for
Hypothesis, and to shuffle them by its generator. So that generator is another one while a trial runs, in the trial's own thread. What the backoff
of a supervisor draws, and whatever else uses the `random` module, comes from the seed too.
"""

import logging
import random
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from threading import local
from typing import Any, Final

from trio._core import _run

from .. import GreenroomError
from .._borrowed import Borrowed
from ._streams import number, stream

_trio: Any = _run
_here = local()


class UnknownTrio(GreenroomError):
    """The installed Trio cannot be told in which order to run tasks; install a version that this one was tested with."""

    def __str__(self) -> str:
        """Say so."""
        return "the lab cannot order the tasks of this version of Trio; install one that greenroom is tested with"


class _Shuffler(random.Random):
    """Shuffle the batches of this thread's trial by its seed, and those of others as before."""

    def shuffle(self, x: Any) -> None:
        """Put a batch in an order."""
        ours: random.Random | None = getattr(_here, "order", None)
        if ours is None:
            _batches.before[0].shuffle(x)
            return
        draw = ours.random
        for last in range(len(x) - 1, 0, -1):  # from `random()` alone, which is the same in all versions of Python
            other = int(draw() * (last + 1))
            x[last], x[other] = x[other], x[last]


def _look() -> tuple[Any, bool]:
    try:
        return _trio._r, _trio._ALLOW_DETERMINISTIC_SCHEDULING  # noqa: SLF001 -- there is no other way to say it
    except AttributeError:
        raise UnknownTrio from None


def _put(order: tuple[Any, bool]) -> None:
    _trio._r, _trio._ALLOW_DETERMINISTIC_SCHEDULING = order  # noqa: SLF001 -- as above


def _nothing() -> None:
    pass


_batches: Final = Borrowed(_look, partial(_put, (_Shuffler(), True)), _put)
_chance: Final = Borrowed(random.getstate, _nothing, random.setstate)
_log: Final = logging.getLogger("greenroom")


def _silence() -> None:
    _log.disabled = True


def _speak(was_disabled: object) -> None:
    _log.disabled = bool(was_disabled)


#: What a tree logs of failures is what the experiment is about: nobody is to be told of each.
_silent: Final = Borrowed(lambda: _log.disabled, _silence, _speak)


@contextmanager
def ordered(seed: int) -> Generator[None]:
    """Let a seed decide what Trio and the `random` module decide in this thread meanwhile, and the runtime log nothing. Raises UnknownTrio."""
    with _batches, _chance, _silent:
        random.seed(number(seed, "chance"))
        _here.order = stream(seed, "order")
        try:
            yield
        finally:
            del _here.order
