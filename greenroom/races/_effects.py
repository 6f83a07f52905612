"""Effects: what a call of each function touches, as far as that is known."""

import random
from pathlib import Path
from types import CodeType
from typing import Any, Final

import trio

_RACES: Final = f"{Path(__file__).parent}/"
_HOUSE: Final = f"{Path(__file__).parents[1]}/"
_RUNTIME: Final = tuple(f"{_HOUSE}{layer}/" for layer in ("actors", "mailbox", "supervisor", "mcp"))
_TRIO: Final = f"{Path(trio.__file__).parent}/"
_DRAWS: Final = random.__file__

#: What a call has touched: nothing that is another's, all that there is, its slot (by the name of the local variable), or what it is called.
NOTHING: Final = ""
ALL: Final = "*"
#: What its caller touches, if that is in the table; else ALL.
ASK: Final = "?"

#: The runtime's functions that are in the loop of an actor, by module; what is not here touches ALL. "@x" is the slot in the local variable x.
KNOWN: Final[dict[str, dict[str, str]]] = {
    "actors/_pool.py": {
        "Pool.enqueue": "pool", "Pool.kick": "pool", "Worker.run": NOTHING, "Worker._loop": NOTHING, "Worker._park": "pool",
        "Worker.breathe": NOTHING, "Worker.attend": "@slot", "Worker.__init__": NOTHING,
    },
    "actors/_solo.py": {
        "OwnQueue.kick": NOTHING, "OwnQueue.enqueue": NOTHING, "Solo.run": NOTHING, "Solo._live": "@slot", "Solo._serve": "@slot",
        "Solo._rest": "@slot", "Solo._park": NOTHING, "Solo.breathe": NOTHING,
    },
    "actors/_watch.py": {
        "Watch.__init__": NOTHING, "Watch.__await__": NOTHING, "Watch.__iter__": NOTHING, "Watch.__next__": NOTHING,
        "Watch.send": NOTHING,
    },
    "actors/_runner.py": {
        "Runner.__init__": NOTHING, "Runner.clear": NOTHING, "check_thread": NOTHING, "current_slot": NOTHING, "current_path": NOTHING,
    },
    "actors/_steps.py": {"Steps.steps": NOTHING, "Steps.prepare": "@slot", "switch": NOTHING},
    "actors/_held.py": {"nurseries_of": NOTHING},
    "actors/_chosen.py": {
        "TriedQueue.popleft": NOTHING, "ChosenQueue.popleft.<locals>.<listcomp>": NOTHING, "is_at_handler": "@slot", "come_to_handler": "@slot",
    },
    "actors/_runtime.py": {"Runtime.wake": "@slot"},
    "actors/_starting.py": {"begin": "@slot", "_make_actor": "@slot", "begin_at_once": "@slot", "become_ready": "@slot"},
    "actors/_policy.py": {"Policy.is_noted": NOTHING},
    "actors/_passivation.py": {"Passivation.concerns": "@slot"},
    "actors/_deadlines.py": dict.fromkeys(
        ("Deadlines.run", "Deadlines._prune", "Deadlines.add", "Deadlines._enter", "Deadlines._called_off", "Deadlines._wake_at",
         "Deadline.cancel", "Deadline.__init__"),
        "deadlines",
    ),
    "actors/_slot.py": {
        "Slot.path": NOTHING, "Slot.depth": NOTHING, "Slot.box": NOTHING, "Slot.owner": NOTHING, "Slot.__bool__": NOTHING, "Slot.ref": "@self",
        "Slot.admin": "@self", "Slot.has_ended": "@self", "Slot.in_turn": "@self", "Slot.status": "@self", "Slot.get_more": "@self",
        "Slot.advance": "@self", "Slot.touch": "@self", "Slot.changed": "@self", "Slot.ended": "@self",
    },
    "actors/_more.py": {"More.__init__": NOTHING},
    "actors/_context.py": {
        "make_context": "@slot", "Context.ref": NOTHING, "Context.path": NOTHING, "Context._live": NOTHING, "Context.tell": NOTHING,
        "Context.mail": NOTHING, "Context.sender": NOTHING, "Context.sleep": NOTHING, "Context.start_source": NOTHING,
    },
    "actors/_ref.py": {
        "ActorRef.tell": "@self._slot", "ActorRef._tell_enveloped": "@self._slot", "ActorRef._envelope": "@self._slot",
        "ActorRef._deliver": "@self._slot", "ActorRef.ask": "@self._slot", "ActorRef.name": NOTHING, "ActorRef.path": NOTHING,
        "ActorRef.uid": NOTHING,
    },
    "actors/_asking.py": {
        "ask_slot": "@slot", "inherited_deadline": "@asker", "_hand_in": "@slot", "accept": "@slot",
    },
    "actors/_reach.py": {"slot_of": NOTHING},
    "actors/_request.py": {
        "Asked.__init__": NOTHING, "Asked.answer": "@self.target", "Asked._finish": "@self.target", "Asked.release_asker": "waits",
        "check_cycle": "waits", "find_way": "waits", "awaited_by": "waits",
    },
    "mailbox/_mail.py": {"Envelope.__init__": NOTHING, "Letter.as_mail": NOTHING},
    "mailbox/_spec.py": {"MailboxSpec.key_of": NOTHING},
    "mailbox/_lanes.py": {
        f"Lanes.{name}": "@self" for name in (
            "__len__", "hand_mail", "lane", "give_back_lane", "next_seq", "keep_seqs", "seal",
        )
    },
    "mailbox/_mailbox.py": {
        f"Mailbox.{name}": "@self" for name in (
            "has_triggers", "accept", "would_wait", "take", "_take_out", "_forget", "let_in_senders", "_is_sought", "waiting_senders", "load",
        )
    },
    "supervisor/_open.py": {"_Tree.host": NOTHING, "_Tree.guard": NOTHING, "_Tree.wait_ended": "@self.root"},
}  # fmt: skip
#: The kit's own, by module: what a run is made of, and no scenario sees.
KIT: Final = frozenset(
    ("_run.py", "_hook.py", "_gate.py", "_stepper.py", "_decider.py", "_clock.py", "_footprints.py", "_watcher.py", "_outside.py",
     "_external.py", "_promises.py", "_arrivals.py")
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
EXIT: Final = "Runner.task_exited"


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
        return ALL if name == EXIT else NOTHING if name in LOCAL else ASK
    return ASK if path == _DRAWS else NOTHING


def is_trusted(code: CodeType) -> bool:
    """Return whether a function answers for what it calls of Trio, or draws: it is in the table itself, or is the kit's or Trio's."""
    return code.co_filename.startswith((_TRIO, *_RUNTIME, _RACES, _DRAWS))


class Codes:
    """Know the functions that are met by their code."""

    def __init__(self) -> None:
        from ..actors import Runtime
        from ..actors._chosen import ChosenQueue
        from ..actors._deadlines import Deadlines
        from ..actors._pool import Worker
        from ..actors._runner import RUNNERS
        from ..actors._solo import Solo
        from ..supervisor import _open
        from ._run import Play

        #: of the functions that have been met.
        self.effects: dict[CodeType, str] = {}
        self.runners = RUNNERS
        self.queue = ChosenQueue
        self.popleft = _code(ChosenQueue.popleft)
        self.runtime = _code(Runtime.__init__)
        self.breathe = _code(Worker.breathe)
        self.looks = frozenset(map(_code, (Play.idle, Play.before_step)))
        tree: Any = _open._Tree  # noqa: SLF001 -- the tasks that every tree has
        self.mains = frozenset(_code(each) for each in (Worker.run, Solo.run, Deadlines.run, tree.host, tree.guard))


def _code(function: Any) -> CodeType:
    code: CodeType = function.__code__
    return code
