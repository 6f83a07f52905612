"""papyra on Trio: the same, with anyio's other backend."""

from collections.abc import Coroutine
from typing import Any

import anyio

from .._sample import Sample
from ._papyra import SIDES
from ._running import by


def run(side: Coroutine[Any, Any, Sample]) -> Sample:
    """Run a workload under Trio."""

    async def main() -> Sample:
        return await side

    return anyio.run(main, backend="trio")


WORKLOADS = by(run, SIDES)
