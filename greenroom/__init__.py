"""Supervised actors for Trio: registered at once, started behind the scenes, restarted when they break."""

import logging
from typing import TYPE_CHECKING

from ._lazy import find_later
from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .actors import Actor as Actor
    from .actors import ActorCrashed as ActorCrashed
    from .actors import ActorRef as ActorRef
    from .actors import ActorRestarting as ActorRestarting
    from .actors import ActorStopped as ActorStopped
    from .actors import ActorStopping as ActorStopping
    from .actors import Agent as Agent
    from .actors import AgentTool as AgentTool
    from .actors import ApprovalRequest as ApprovalRequest
    from .actors import AskTimeout as AskTimeout
    from .actors import BackgroundNotFound as BackgroundNotFound
    from .actors import BackgroundResult as BackgroundResult
    from .actors import BackgroundTimeout as BackgroundTimeout
    from .actors import BackgroundWork as BackgroundWork
    from .actors import Call as Call
    from .actors import CallRefused as CallRefused
    from .actors import CallResult as CallResult
    from .actors import Cancelled as Cancelled
    from .actors import ChangeFeed as ChangeFeed
    from .actors import ChildEnded as ChildEnded
    from .actors import ChildStartupFailed as ChildStartupFailed
    from .actors import Completed as Completed
    from .actors import Context as Context
    from .actors import Crashed as Crashed
    from .actors import Deadlock as Deadlock
    from .actors import Dispatch as Dispatch
    from .actors import Down as Down
    from .actors import EndedActor as EndedActor
    from .actors import Errored as Errored
    from .actors import Escalated as Escalated
    from .actors import ExitReason as ExitReason
    from .actors import Finished as Finished
    from .actors import Forbidden as Forbidden
    from .actors import GroupChange as GroupChange
    from .actors import Groups as Groups
    from .actors import HandlerOverdue as HandlerOverdue
    from .actors import Idle as Idle
    from .actors import Ignore as Ignore
    from .actors import Ignored as Ignored
    from .actors import Interrupted as Interrupted
    from .actors import InvalidSpec as InvalidSpec
    from .actors import Joined as Joined
    from .actors import KeyInUse as KeyInUse
    from .actors import Killed as Killed
    from .actors import Left as Left
    from .actors import LimitReached as LimitReached
    from .actors import Listing as Listing
    from .actors import Membership as Membership
    from .actors import Monitor as Monitor
    from .actors import NameInUse as NameInUse
    from .actors import NoActiveTurn as NoActiveTurn
    from .actors import NoReply as NoReply
    from .actors import NotFound as NotFound
    from .actors import NotIdle as NotIdle
    from .actors import NotInTurn as NotInTurn
    from .actors import NotRegistered as NotRegistered
    from .actors import OwnTaskNeeded as OwnTaskNeeded
    from .actors import PendingInit as PendingInit
    from .actors import Publication as Publication
    from .actors import Refused as Refused
    from .actors import Registered as Registered
    from .actors import Registration as Registration
    from .actors import Registry as Registry
    from .actors import RegistryChange as RegistryChange
    from .actors import RegistryKey as RegistryKey
    from .actors import ReplyToken as ReplyToken
    from .actors import Report as Report
    from .actors import ReportLog as ReportLog
    from .actors import Request as Request
    from .actors import Rested as Rested
    from .actors import Running as Running
    from .actors import Service as Service
    from .actors import ServiceEnded as ServiceEnded
    from .actors import ServiceNotFound as ServiceNotFound
    from .actors import ServicesFailed as ServicesFailed
    from .actors import Shutdown as Shutdown
    from .actors import Startable as Startable
    from .actors import StartupFailed as StartupFailed
    from .actors import StartupInProgress as StartupInProgress
    from .actors import StashFull as StashFull
    from .actors import Status as Status
    from .actors import StatusChange as StatusChange
    from .actors import StatusFeed as StatusFeed
    from .actors import StillRunning as StillRunning
    from .actors import Timer as Timer
    from .actors import Tool as Tool
    from .actors import Traits as Traits
    from .actors import Turn as Turn
    from .actors import TurnFinished as TurnFinished
    from .actors import TurnHandle as TurnHandle
    from .actors import TurnInProgress as TurnInProgress
    from .actors import TurnInterrupted as TurnInterrupted
    from .actors import TurnOutcome as TurnOutcome
    from .actors import Unregistered as Unregistered
    from .actors import ValueChanged as ValueChanged
    from .actors import Vanished as Vanished
    from .actors import Waited as Waited
    from .actors import ask_many as ask_many
    from .actors import run_abandonable as run_abandonable
    from .actors import tool as tool
    from .mailbox import CHOICES as CHOICES
    from .mailbox import Choices as Choices
    from .mailbox import DeadLetter as DeadLetter
    from .mailbox import DeadLetters as DeadLetters
    from .mailbox import GreenroomError as GreenroomError
    from .mailbox import Mail as Mail
    from .mailbox import MailboxFull as MailboxFull
    from .mailbox import MailboxSpec as MailboxSpec
    from .supervisor import ActorInfo as ActorInfo
    from .supervisor import AlreadyRunning as AlreadyRunning
    from .supervisor import AutoShutdown as AutoShutdown
    from .supervisor import Backoff as Backoff
    from .supervisor import ChildNotFound as ChildNotFound
    from .supervisor import ChildrenFailed as ChildrenFailed
    from .supervisor import ChildSpec as ChildSpec
    from .supervisor import ErrorEscalated as ErrorEscalated
    from .supervisor import Intensity as Intensity
    from .supervisor import Limits as Limits
    from .supervisor import NoSupervisor as NoSupervisor
    from .supervisor import Restarting as Restarting
    from .supervisor import RestartIntensityExceeded as RestartIntensityExceeded
    from .supervisor import Scheduling as Scheduling
    from .supervisor import Strategy as Strategy
    from .supervisor import Supervisor as Supervisor
    from .supervisor import SupervisorSpec as SupervisorSpec
    from .supervisor import check_specs as check_specs
    from .supervisor import open_supervisor as open_supervisor
else:
    # Imported when first asked for: pytest comes by here for its plugin, also where nobody uses actors.
    __getattr__ = find_later(globals(), (".mailbox", ".actors", ".supervisor"))

__all__ = [
    "CHOICES",
    "Actor",
    "ActorCrashed",
    "ActorInfo",
    "ActorRef",
    "ActorRestarting",
    "ActorStopped",
    "ActorStopping",
    "Agent",
    "AgentTool",
    "AlreadyRunning",
    "ApprovalRequest",
    "AskTimeout",
    "AutoShutdown",
    "BackgroundNotFound",
    "BackgroundResult",
    "BackgroundTimeout",
    "BackgroundWork",
    "Backoff",
    "Call",
    "CallRefused",
    "CallResult",
    "Cancelled",
    "ChangeFeed",
    "ChildEnded",
    "ChildNotFound",
    "ChildSpec",
    "ChildStartupFailed",
    "ChildrenFailed",
    "Choices",
    "Completed",
    "Context",
    "Crashed",
    "DeadLetter",
    "DeadLetters",
    "Deadlock",
    "Dispatch",
    "Down",
    "EndedActor",
    "ErrorEscalated",
    "Errored",
    "Escalated",
    "ExitReason",
    "Finished",
    "Forbidden",
    "GreenroomError",
    "GroupChange",
    "Groups",
    "HandlerOverdue",
    "Idle",
    "Ignore",
    "Ignored",
    "Intensity",
    "Interrupted",
    "InvalidSpec",
    "Joined",
    "KeyInUse",
    "Killed",
    "Left",
    "LimitReached",
    "Limits",
    "Listing",
    "Mail",
    "MailboxFull",
    "MailboxSpec",
    "Membership",
    "Monitor",
    "NameInUse",
    "NoActiveTurn",
    "NoReply",
    "NoSupervisor",
    "NotFound",
    "NotIdle",
    "NotInTurn",
    "NotRegistered",
    "OwnTaskNeeded",
    "PendingInit",
    "Publication",
    "Refused",
    "Registered",
    "Registration",
    "Registry",
    "RegistryChange",
    "RegistryKey",
    "ReplyToken",
    "Report",
    "ReportLog",
    "Request",
    "RestartIntensityExceeded",
    "Restarting",
    "Rested",
    "Running",
    "Scheduling",
    "Service",
    "ServiceEnded",
    "ServiceNotFound",
    "ServicesFailed",
    "Shutdown",
    "Startable",
    "StartupFailed",
    "StartupInProgress",
    "StashFull",
    "Status",
    "StatusChange",
    "StatusFeed",
    "StillRunning",
    "Strategy",
    "Supervisor",
    "SupervisorSpec",
    "Timer",
    "Tool",
    "Traits",
    "Turn",
    "TurnFinished",
    "TurnHandle",
    "TurnInProgress",
    "TurnInterrupted",
    "TurnOutcome",
    "Unregistered",
    "ValueChanged",
    "Vanished",
    "Waited",
    "__version__",
    "ask_many",
    "check_specs",
    "open_supervisor",
    "run_abandonable",
    "tool",
]

# A library stays silent until its user configures logging.
logging.getLogger("greenroom").addHandler(logging.NullHandler())
