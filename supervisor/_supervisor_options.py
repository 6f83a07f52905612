"""What may be given when a supervisor is started besides its name and its children."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypedDict

from ..actors import Keyable, RegistryKey, RestartType
from ._backoff import Backoff
from ._intensity import Intensity
from ._strategy import AutoShutdown, Strategy


class SupervisorOptions(TypedDict, total=False):
    """The keywords of `Supervisor.start_supervisor`."""

    strategy: Strategy
    intensity: Intensity | None
    auto_shutdown: AutoShutdown
    max_children: int | None
    start_retry: Backoff | None
    partitions: int | None
    with_arguments: Callable[[tuple[Any, ...], int], Sequence[Any]] | None
    restart: RestartType
    shutdown: float | None
    startup_timeout: float | None
    significant: bool
    backoff: Backoff | None
    labels: Mapping[str, Any]
    keys: Sequence[Keyable | RegistryKey]


class ReplaceableFlags(TypedDict, total=False):
    """The keywords of `Supervisor.update_specs`."""

    strategy: Strategy
    intensity: Intensity | None
    auto_shutdown: AutoShutdown
    start_retry: Backoff | None


SUPERVISOR_OPTIONS: Final = tuple(SupervisorOptions.__annotations__)
