"""The results of a run as plain data: what the JSON file holds.

    {
      "format": 1,
      "machine": {"python": "3.11.7", "trio": "0.35.0", "greenroom": "0.1.0", "platform": "Linux-…", "cpus": 2},
      "rounds": 5,
      "quick": false,
      "workloads": {
        "tell": {
          "title": "…", "unit": "tells/s", "size": 100000,
          "greenroom": {"median": …, "low": …, "high": …, "samples": [{"done": …, "seconds": …, "cpu_seconds": …, "bytes": 0,
                                                                   "factor": 0.0}, …]},
          "trio": {the same},
          "ratio": {"median": …, "low": …, "high": …},
          "cpu_ratio": {the same, by process time instead of real time},
          "goal": {"must": 10, "aim": 16, "of": "ratio"},
          "verdict": "aim" | "must" | "below"
        }, …
      }
    }

Figures are in the workload's unit; a ratio is how many times better greenroom did, so for bytes how many times fewer. A factor ("x alone" and the
like) is how many times longer something took than what it is compared with in its own sample.
"""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import attrs

from greenroom import __version__

from ._comparison import Comparison
from ._sample import SYSTEMS

FORMAT = 1


def as_plain_data(comparisons: Sequence[Comparison], rounds: int, *, quick: bool) -> dict[str, Any]:
    """Return the results of a run as the module's docstring shows them."""
    return {
        "format": FORMAT,
        "machine": machine(),
        "rounds": rounds,
        "quick": quick,
        "workloads": {comparison.workload.name: _workload(comparison) for comparison in comparisons},
    }


def machine() -> dict[str, Any]:
    """Return what is measured on, and with."""
    return {
        "python": platform.python_version(),
        "trio": version("trio"),
        "greenroom": __version__,
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
    }


def _workload(comparison: Comparison) -> dict[str, Any]:
    workload = comparison.workload
    return {
        "title": workload.title,
        "unit": workload.unit,
        "size": comparison.size,
        **{
            system: {
                **attrs.asdict(comparison.figures(system)),
                "samples": [attrs.asdict(sample) for sample in comparison.samples[system]],
            }
            for system in SYSTEMS
        },
        "ratio": attrs.asdict(comparison.ratio()),
        "cpu_ratio": attrs.asdict(comparison.ratio(cpu=True)),
        "goal": attrs.asdict(workload.goal),
        "verdict": comparison.verdict,
    }
