"""Races: every step of a Trio program under control; find an interleaving that fails, shrink it, and run it again.

    async def scenario(sim):
        ...                                # any Trio program

    found = races.search(scenario)         # None, or the smallest failure that was found
    races.run(scenario, schedule=found.token)

Runs are in virtual time. Whenever several tasks could go on, one is chosen; the default is the one that has been ready
longest, and a schedule says where a run differs from that. Trees that are opened in a scenario choose by it too: their run queue, their deadlines,
their launch gate. What is given to a thread runs inline, unless it is asked for
otherwise, and `random` is the same in every run. What is not controlled: real threads, sockets, other processes, `time.time`.
"""

from typing import TYPE_CHECKING

from .._lazy import find_later

if TYPE_CHECKING:
    from ._course import open_machine as open_machine
    from ._decider import Choice as Choice
    from ._drawing import schedules as schedules
    from ._errors import DeadlockFound as DeadlockFound
    from ._errors import InvalidHistory as InvalidHistory
    from ._errors import InvalidMachine as InvalidMachine
    from ._errors import InvalidModel as InvalidModel
    from ._errors import InvalidToken as InvalidToken
    from ._errors import OutsideSilent as OutsideSilent
    from ._errors import ProgramChanged as ProgramChanged
    from ._errors import PromiseBroken as PromiseBroken
    from ._errors import SharingFound as SharingFound
    from ._errors import StepEndless as StepEndless
    from ._errors import StepsExceeded as StepsExceeded
    from ._errors import ThreadRefused as ThreadRefused
    from ._event import Event as Event
    from ._explore import RaceFound as RaceFound
    from ._explore import explore as explore
    from ._history import Call as Call
    from ._history import History as History
    from ._linearizability import Linearizability as Linearizability
    from ._linearizability import LinearizabilityUnknown as LinearizabilityUnknown
    from ._linearizability import NotLinearizable as NotLinearizable
    from ._machine import StateMachine as StateMachine
    from ._machine import at_each_step as at_each_step
    from ._machine import initialize as initialize
    from ._machine import rule as rule
    from ._machine_examples import run_machine as run_machine
    from ._model import SequentialModel as SequentialModel
    from ._notes import Notes as Notes
    from ._operation import Operation as Operation
    from ._proof import Proof as Proof
    from ._prove import prove as prove
    from ._result import Result as Result
    from ._run import CrashInjected as CrashInjected
    from ._schedule import Injection as Injection
    from ._schedule import Schedule as Schedule
    from ._search import ScenarioFailed as ScenarioFailed
    from ._search import check as check
    from ._search import run as run
    from ._search import search as search
    from ._search import survey as survey
    from ._sim import Sim as Sim
    from ._started import Started as Started
    from ._survey import Found as Found
    from ._survey import Survey as Survey
    from ._sweep import Sweep as Sweep
    from ._sweep import cancel_everywhere as cancel_everywhere
    from ._sweep import crash_everywhere as crash_everywhere
else:
    __getattr__ = find_later(
        globals(),
        (
            "._decider",
            "._drawing",
            "._errors",
            "._event",
            "._explore",
            "._result",
            "._run",
            "._schedule",
            "._sim",
            "._notes",
            "._operation",
            "._model",
            "._linearizability",
            "._proof",
            "._prove",
            "._history",
            "._search",
            "._survey",
            "._sweep",
            "._started",
            # These import Hypothesis.
            "._machine",
            "._course",
            "._machine_examples",
        ),
    )

__all__ = [
    "Call",
    "Choice",
    "CrashInjected",
    "DeadlockFound",
    "Event",
    "Found",
    "History",
    "Injection",
    "InvalidHistory",
    "InvalidMachine",
    "InvalidModel",
    "InvalidToken",
    "Linearizability",
    "LinearizabilityUnknown",
    "NotLinearizable",
    "Notes",
    "Operation",
    "OutsideSilent",
    "ProgramChanged",
    "PromiseBroken",
    "Proof",
    "RaceFound",
    "Result",
    "ScenarioFailed",
    "Schedule",
    "SequentialModel",
    "SharingFound",
    "Sim",
    "Started",
    "StateMachine",
    "StepEndless",
    "StepsExceeded",
    "Survey",
    "Sweep",
    "ThreadRefused",
    "at_each_step",
    "cancel_everywhere",
    "check",
    "crash_everywhere",
    "explore",
    "initialize",
    "open_machine",
    "prove",
    "rule",
    "run",
    "run_machine",
    "schedules",
    "search",
    "survey",
]
