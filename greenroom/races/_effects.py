"""Effects: what a call of each function touches, as far as that is known."""

import collections
import contextlib
import dis
import inspect
import random
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, Final

import trio
from trio._core import _run

from ._effects_known import ALL as ALL
from ._effects_known import KNOWN
from ._effects_known import NOTHING as NOTHING

_RACES: Final = f"{Path(__file__).parent}/"
_HOUSE: Final = f"{Path(__file__).parents[1]}/"
_RUNTIME: Final = tuple(f"{_HOUSE}{layer}/" for layer in ("actors", "mailbox", "supervisor", "mcp"))
_TRIO: Final = f"{Path(trio.__file__).parent}/"
_DRAWS: Final = random.__file__
_capture: Any = getattr(_run, "capture", None)
_OUTCOMES: Final[str] = "" if _capture is None else _capture.__code__.co_filename
#: What the runtime and Trio have others do for them; a user's code that is called from there is seen by itself.
_HELPERS: Final = frozenset((contextlib.__file__, collections.__file__, _OUTCOMES))
_GENERATED: Final = tuple(f"<attrs generated methods {package}." for package in ("trio", "outcome", "greenroom"))

#: What its caller touches, if that is in the table; else ALL.
ASK: Final = "?"
#: Code that is neither the runtime's nor Trio's: it touches the actor whose it is, and nothing else.
STRAY: Final = "~"
#: Comes before the effect of a function that is met by its code as well.
MET: Final = "$"
#: The nursery of the task.
EXIT: Final = "!"

#: The kit's own, by module: what a run is made of, and no scenario sees.
KIT: Final = frozenset(
    ("_run.py", "_hook.py", "_gate.py", "_stepper.py", "_decider.py", "_clock.py", "_footprints.py", "_watcher.py", "_outside.py",
     "_external.py", "_promises.py", "_arrivals.py", "_crew.py", "_chain.py", "_part.py",
     "_effects.py", "_effects_known.py")
)  # fmt: skip
#: The kit's as well, in modules with others that a scenario calls.
HARMLESS: Final = ("Sim.choose",)
#: Trio's functions that touch nothing of other tasks, whoever calls them.
LOCAL: Final = frozenset(
    (
        "checkpoint", "checkpoint_if_cancelled", "cancel_shielded_checkpoint", "_real_async_yield", "current_task", "current_time",
        "current_clock", "Runner.current_time", "Runner.current_clock", "in_trio_run", "sleep", "sleep_until", "move_on_after", "move_on_at",
        "fail_after", "fail_at", "CancelScope.__enter__", "CancelScope.__exit__", "CancelScope.__attrs_post_init__", "CancelScope.deadline",
        "CancelScope._might_change_registered_deadline", "CancelStatus.__attrs_post_init__", "CancelStatus.recalculate",
        "current_effective_deadline", "Nursery.__del__", "enable_ki_protection", "disable_ki_protection",
    )
)  # fmt: skip
#: Ends a task: its nursery, and who waits for that, are seen to by Trio itself.
TASK_EXITED: Final = "Runner.task_exited"


def effect_of(code: CodeType) -> str:
    """Return what a call of a function touches, in the words above; `ASK` if that depends on who calls it."""
    path = code.co_filename
    if path.startswith(_RACES):
        name = path[len(_RACES) :]
        return NOTHING if name in KIT or code.co_qualname.startswith(HARMLESS) else ALL
    if path.startswith(_RUNTIME):
        return KNOWN.get(path[len(_HOUSE) :], {}).get(code.co_qualname, ALL)
    if path.startswith(_TRIO):
        name = code.co_qualname
        return EXIT if name == TASK_EXITED else NOTHING if name in LOCAL else ASK
    if path in _HELPERS or path.startswith(_GENERATED):
        return NOTHING
    return ASK if path == _DRAWS else STRAY


def is_trusted(code: CodeType) -> bool:
    """Return whether a function answers for what it calls of Trio, or draws: it is in the table itself, or is the kit's or Trio's."""
    return code.co_filename.startswith((_TRIO, *_RUNTIME, _RACES, _DRAWS))


@cache
def begin_of(code: CodeType) -> int:
    """Return the offset at which a call begins; one that goes on after a wait is further on."""
    return next(each.offset for each in dis.get_instructions(code) if each.opname == "RESUME")


def is_own(code: CodeType) -> bool:
    """Return whether a coroutine is the runtime's or Trio's, which do between two waits what the table says; one with a user's block in it is not."""
    return code.co_filename.startswith((_TRIO, *_RUNTIME)) and not code.co_flags & inspect.CO_ASYNC_GENERATOR


class Codes:
    """Know the functions that are met by their code."""

    def __init__(self) -> None:
        from ..actors import Runtime
        from ..actors._chosen import ChosenQueue
        from ..actors._deadlines import Deadlines
        from ..actors._pool import MAX_PARKED, Worker
        from ..actors._runner import RUNNERS
        from ..actors._solo import Solo
        from ..supervisor import _open
        from ._run import Play
        from ._sim import Sim

        self.runners = RUNNERS
        self.queue = ChosenQueue
        self.popleft = _code(ChosenQueue.popleft)
        self.runtime = _code(Runtime.__init__)
        self.breathe = _code(Worker.breathe)
        self.worker = _code(Worker.run)
        self.most_parked = MAX_PARKED
        #: calls that cancel, or wake who waits for something.
        self.cancelling = frozenset(_codes_of(trio.CancelScope, "_cancel", "cancel", "shield"))
        self.waking = frozenset(_codes_of(trio.Event, "set"))
        self.telling = frozenset((self.breathe, *self.cancelling, *self.waking, *_codes_of(Sim, "steps")))
        self.looks = frozenset(map(_code, (Play.idle, Play.before_step)))
        tree: Any = _open._Tree  # noqa: SLF001 -- the tasks that every tree has
        #: whose returns matter.
        self.ends = frozenset((self.popleft, self.runtime, *self.looks))
        #: of the functions that have been met.
        self.effects = {code: MET + effect_of(code) for code in (self.popleft, *self.looks, *self.telling)}
        self.mains = frozenset(_code(each) for each in (Worker.run, Solo.run, Deadlines.run, tree.host, tree.guard))


def _codes_of(kind: type, *names: str) -> list[CodeType]:
    """Return the code of some methods, and of what sets a property; of those that there are."""
    found = [getattr(kind, name) for name in names if hasattr(kind, name)]
    return [_code((each.fset or each.fget) if isinstance(each, property) else each) for each in found]


def _code(function: Any) -> CodeType:
    code: CodeType = function.__code__
    return code
