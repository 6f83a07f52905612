"""Supervisors: what happens when an actor breaks.

Deciding is apart from doing: what follows an end is decided by plain functions and tables in the child's last step, and carried out by the tasks
of the slots themselves. So a supervisor has no loop that could block: finding, listing, starting and stopping are answered at any moment.
"""

from ._backoff import Backoff as Backoff
from ._childspec import ChildSpec as ChildSpec
from ._childspec import StartupMode as StartupMode
from ._errors import AlreadyRunning as AlreadyRunning
from ._errors import ChildNotFound as ChildNotFound
from ._errors import ErrorEscalated as ErrorEscalated
from ._errors import NoSupervisor as NoSupervisor
from ._errors import Restarting as Restarting
from ._errors import RestartIntensityExceeded as RestartIntensityExceeded
from ._intensity import Intensity as Intensity
from ._intensity import RestartLog as RestartLog
from ._judge import SENTENCES as SENTENCES
from ._judge import judge as judge
from ._launch import LaunchGate as LaunchGate
from ._limits import Limits as Limits
from ._open import Scheduling as Scheduling
from ._open import open_supervisor as open_supervisor
from ._reading import check_specs as check_specs
from ._reading import policy_of_spec as policy_of_spec
from ._snapshot import ActorInfo as ActorInfo
from ._snapshot import LatestTree as LatestTree
from ._strategy import AutoShutdown as AutoShutdown
from ._strategy import Strategy as Strategy
from ._supervisor import Supervisor as Supervisor
from ._supervisor_actor import ChildrenFailed as ChildrenFailed
from ._supervisorspec import SupervisorSpec as SupervisorSpec
