"""Who waits for what: what can be read off the tasks of a run that is stuck."""

import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from gc import get_referents
from pathlib import Path
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any, Final

import attrs
import trio

from ._stepper import Stepper, Task

_TRIO: Final = str(Path(trio.__file__).parent.resolve())
#: Tasks that are shown of those that could go on.
SHOWN: Final = 5
_HOUSE: Final = str(Path(__file__).parent.parent.resolve())
#: Where its own rooms are in the repository: links lead there.
_ROOMS: Final = tuple(str(Path(_HOUSE, room).resolve()) for room in ("mailbox", "actors", "supervisor"))
_PYTHON: Final = str(Path(sysconfig.get_path("stdlib")).resolve())
_SITE: Final = str(Path(sysconfig.get_path("purelib")).resolve())
#: Where all waiting ends: in Trio, and in the runtime.
_TRAPS: Final = frozenset(
    (str(Path(_TRIO, "_core", "_traps.py")), str(Path(_HOUSE, "actors", "_parking.py").resolve()))
)
#: Scenarios, although they are part of the house.
_CATALOGUE: Final = str(Path(_HOUSE, "races", "catalogue"))


@cache
def _real(path: str) -> str:
    """Return where a file of code really is: what was imported through a link has the link's name. No file keeps its name."""
    return path if path.startswith("<") else str(Path(path).resolve())


def frames_of(coroutine: Any) -> Iterator[FrameType]:
    """Iterate over the frames of a suspended coroutine, outermost first."""
    while coroutine is not None:
        if type(coroutine).__name__ in _HIDE:
            coroutine = next(filter(_leads_on, get_referents(coroutine)), None)
            continue
        frame, following = next((each for each in _PARTS if hasattr(coroutine, each[1])), ("", ""))
        found: FrameType | None = getattr(coroutine, frame, None)
        if found is not None:
            yield found
        coroutine = getattr(coroutine, following, None)


#: Where what can be suspended has its frame, and what it waits for.
_PARTS: Final = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))
#: What Python puts around such: around an async generator, and so in each context that is made of one, and around what `__await__` returns.
_HIDE: Final = ("async_generator_asend", "async_generator_athrow", "anext_awaitable", "coroutine_wrapper")


def _leads_on(part: Any) -> bool:
    return isinstance(part, (CoroutineType, GeneratorType, AsyncGeneratorType)) or type(part).__name__ in _HIDE


@attrs.frozen
class Wait:
    """Say what a task waits for.

    Attributes:
        who: the label of the task.
        place: where in the code.
        what: it waits for, in words.
        holders: the labels of the tasks that have it.
    """

    who: str
    place: str
    what: str
    holders: tuple[str, ...]

    def __str__(self) -> str:
        """Give it as a line."""
        by = ", ".join(self.holders)
        return f"  {self.who} waits {self.place} for {self.what}{f' ({by})' if by else ''}"


@attrs.frozen
class Waits:
    """Say of each task of a run that is stuck what it waits for, and who waits in a circle, in which each waits for the next."""

    waits: tuple[Wait, ...]
    circle: tuple[str, ...]

    def __str__(self) -> str:
        """Give a line for each: where, for what, and held by whom; and the circle, if they wait in one."""
        lines = [str(wait) for wait in self.waits]
        if self.circle:
            lines.append("  in a circle: " + " -> ".join((*self.circle, self.circle[0])))
        return "\n".join(lines)


def waits_of(stepper: Stepper) -> Waits:
    """Return who waits for what."""
    living = {task: list(frames_of(coroutine)) for task, coroutine in stepper.tasks.items()}
    living = {task: frames for task, frames in living.items() if frames}
    edges: dict[Task, list[Task]] = {}
    waits: list[Wait] = []
    label_of = stepper.label_of
    for task, frames in living.items():
        what, holders = _awaited(frames, living)
        edges[task] = holders
        waits.append(Wait(label_of(task), place_in(frames), what, tuple(map(label_of, holders))))
    return Waits(tuple(waits), tuple(map(label_of, _circle(edges))))


def describe_ready(stepper: Stepper) -> str:
    """Return a line for each of the first tasks that could go on: where."""
    ready = stepper.in_order()
    lines = [
        f"  {stepper.label_of(task)} goes on {place_in(list(frames_of(stepper.tasks[task])))}" for task in ready[:SHOWN]
    ]
    if len(ready) > SHOWN:
        lines.append(f"  and {len(ready) - SHOWN} more")
    return "\n".join(lines)


def place_in(frames: list[FrameType]) -> str:
    """Return where in the user's code: the innermost frame that is neither Trio's nor Python's nor ours; if there is none, ours."""
    return place_behind([(frame, frame.f_lineno) for frame in frames])


def frames_behind(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    """Iterate over the frames that an error has come through, outermost first, each with the number of its line."""
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def place_behind(frames: Sequence[tuple[FrameType, int]]) -> str:
    """Return where in the user's code, as `place_in`, of frames with the numbers of their lines."""
    ours = ""
    for frame, line in reversed(frames):
        path = _real(frame.f_code.co_filename)
        if _is_users(path):
            return f"at {Path(path).name}:{line} in {frame.f_code.co_name}"
        if not ours and not path.startswith(_TRIO):
            ours = f"in {frame.f_code.co_name}"
    return ours or "at its end"


def place_of(code: CodeType) -> str:
    """Return where a function of the user's is; "" if it is Trio's, Python's or ours."""
    path = _real(code.co_filename)
    return f"at {Path(path).name}:{code.co_firstlineno} in {code.co_name}" if _is_users(path) else ""


@cache
def _is_users(path: str) -> bool:
    if path.startswith(_CATALOGUE):
        return True
    if path.startswith((_TRIO, _HOUSE, *_ROOMS)):
        return False
    return path.startswith(_SITE) or not path.startswith(_PYTHON)


def _is_trap(frame: FrameType) -> bool:
    """Return whether it is one of the functions that all waiting ends in, and says nothing of what for."""
    return _real(frame.f_code.co_filename) in _TRAPS


def _awaited(frames: list[FrameType], living: Mapping[Task, Any]) -> tuple[str, list[Task]]:
    """Return what a task waits for, in words, and the tasks that hold it."""
    for frame in reversed(frames):
        names = frame.f_locals
        it = names.get("self")
        if isinstance(it, (trio.Lock, trio.StrictFIFOLock)):
            return "a lock", [task for task in living if task is it.statistics().owner]
        if isinstance(it, trio.Nursery):
            return "its children", [task for task in living if task.parent_nursery is it]
        slot = names.get("slot")
        of_actor = _OF_ACTORS.get(frame.f_code.co_name) or _OF_ACTORS.get(frame.f_code.co_qualname)
        if of_actor is not None and slot is not None:
            return f"{of_actor} {slot.path}", _at_work([slot], living)
        if frame.f_code is _many():
            slots = [asked.target for asked in names["self"].asks if not asked.done]
            others = f" and {len(slots) - SHOWN} others" if len(slots) > SHOWN else ""
            return f"answers of {', '.join(slot.path for slot in slots[:SHOWN])}{others}", _at_work(slots, living)
        for kind, text in _PLAIN:
            if isinstance(it, kind):
                return text, []
    name = next((frame.f_code.co_name for frame in reversed(frames) if not _is_trap(frame)), "it")
    if any(isinstance(frame.f_locals.get("self"), trio.lowlevel.ParkingLot) for frame in frames):
        return "somebody to unpark it", []
    return ("mail" if name in ("_park", "_loop", "next_mail") else f"what {name} waits for"), []


def _at_work(slots: Sequence[Any], living: Mapping[Task, Any]) -> list[Task]:
    """Return the tasks that have these actors in their hands."""
    workers = {getattr(getattr(slot, "runner", None), "task", None) for slot in slots}
    return [task for task in living if task in workers]


@cache
def _many() -> CodeType:
    """Return the function of the runtime in which a caller waits for many actors."""
    from ..actors._poll import Poll

    return Poll._send_and_wait.__code__  # noqa: SLF001 -- this sees what the runtime does inside


#: Functions of the runtime in which a caller waits for an actor, by what they wait for.
_OF_ACTORS: Final = {
    "AskSide.ask": "an answer of",
    "wait_for_answer": "an answer of",
    "wait_stopped": "the end of",
    "wait_ready": "the start of",
    "ended": "the end of",
    "wait_started": "the start of",
}

_PLAIN: Final[tuple[tuple[Any, str], ...]] = (
    (trio.Event, "an event"),
    (trio.Condition, "a condition"),
    (trio.Semaphore, "a semaphore"),
    (trio.CapacityLimiter, "a capacity limiter"),
    (trio.MemoryReceiveChannel, "something to receive"),
    (trio.MemorySendChannel, "room to send"),
)


def _circle(edges: Mapping[Task, list[Task]]) -> list[Task]:
    """Return tasks of which each waits for the next and the last for the first; none if there is no such circle."""
    done: set[Task] = set()
    for start in edges:
        path: list[Task] = []
        walk = [(start, iter(edges[start]))]
        path.append(start)
        while walk:
            _, rest = walk[-1]
            following = next(rest, None)
            if following is None:
                walk.pop()
                done.add(path.pop())
            elif following in path:
                return path[path.index(following) :]
            elif following not in done and following in edges:
                walk.append((following, iter(edges[following])))
                path.append(following)
    return []
