"""The results of a run as plain data: what the JSON file holds.

    {
      "format": 1,
      "machine": {as in benchmarks._results}, "rounds": 5, "quick": false,
      "systems": {"greenroom": {"version": "0.1.0"}, "pykka": {"version": "4.5.0", "remarks": ["…"]}, "x": {"missing": "…"}, …},
      "workloads": {
        "tell": {
          "title": "…", "unit": "tells/s",
          "systems": {
            "pykka": {"size": 100000, "median": …, "low": …, "high": …, "samples": […], "ratio": {…}, "cpu_ratio": {…}},
            "thespian": {"cannot": "…"}, "x": {"failed": "…"}, …
          }
        }, …
      }
    }

A ratio is how many times better greenroom did, by real or by process time, taken round by round. A system that has no figure has a word instead:
never a zero.
"""

from typing import Any

import attrs

from .._comparison import Spread
from .._results import machine
from .._workload import Workload
from ._roster import Peer
from ._standing import Standing

FORMAT = 1


def as_plain_data(standing: Standing, rounds: int) -> dict[str, Any]:
    """Return the results of a run as the module's docstring shows them."""
    return {
        "format": FORMAT,
        "machine": machine(),
        "rounds": rounds,
        "quick": standing.quick,
        "systems": {system: _system(standing, system) for system in standing.systems},
        "workloads": {
            workload.name: {
                "title": workload.title,
                "unit": workload.unit,
                "systems": {
                    system: _cell(standing, workload, system)
                    for system in standing.systems
                    if system not in standing.missing
                },
            }
            for workload in standing.workloads
        },
    }


def _system(standing: Standing, system: str) -> dict[str, Any]:
    if system in standing.missing:
        return {"missing": standing.missing[system]}
    peer = standing.peer(system)
    return {
        "version": standing.versions.get(system),
        "remarks": [] if peer is None else list(peer.remarks),
    }


def _cell(standing: Standing, workload: Workload, system: str) -> dict[str, Any]:
    peer: Peer | None = standing.peer(system)
    figures = standing.figures(workload, system)
    if figures is None:
        if peer is not None and workload.name in peer.cannot:
            return {"cannot": peer.cannot[workload.name]}
        return {"failed": standing.failures[workload.name, system]}
    return {
        "size": standing.size_of(workload, system),
        **attrs.asdict(figures),
        "samples": [attrs.asdict(sample) for sample in standing.samples[workload.name][system]],
        "ratio": _plain(standing.ratio(workload, system)),
        "cpu_ratio": _plain(standing.ratio(workload, system, cpu=True)),
    }


def _plain(spread: Spread | None) -> dict[str, float] | None:
    return None if spread is None else attrs.asdict(spread)
