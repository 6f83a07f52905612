"""By hand, as with asyncio, on uvloop."""

from importlib import import_module
from typing import Any

from ._asyncio import SIDES
from ._running import by

uvloop: Any = import_module("uvloop")
WORKLOADS = by(uvloop.run, SIDES)
