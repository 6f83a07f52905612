"""The variables of a Trio run: each scenario finds them as the first one did."""

from typing import Any

from ._hook import trio_run


class Variables:
    """Keep what the variables of a Trio run (`trio.lowlevel.RunVar`) were before its first scenario."""

    def __init__(self) -> None:
        #: None before, and where Trio hides them.
        self._before: dict[Any, Any] | None = None

    def reset(self) -> None:
        """Let the next scenario find them so: without what others have put there. Within Trio."""
        variables: dict[Any, Any] | None = getattr(
            getattr(trio_run.GLOBAL_RUN_CONTEXT, "runner", None), "_locals", None
        )
        if variables is None:
            return
        if self._before is None:
            self._before = dict(variables)
        else:
            variables.clear()
            variables.update(self._before)
