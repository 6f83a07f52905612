"""Lab: experiments with supervisor trees, in virtual time, on the real runtime.

    experiment = lab.load("herd.toml")         # or lab.Experiment(tree=SupervisorSpec(...), ...)
    results = lab.run(experiment)              # each policy, each seed, on all cores

Which strategy, which limits, which backoff? A trial opens the tree as it would be opened in production, and lets hours go by in seconds: actors take
their time to start and to handle what they are asked, crash, and lose what they depend on. Only the actors themselves are simulated, each by its
model; what restarts them is the supervisor that restarts real ones. All that is random comes from streams named after what they are for, so that two
policies with one seed live through the same arrivals, faults and outages, and the same seed gives the same numbers to the last digit.
"""

from typing import TYPE_CHECKING

from .._lazy import find_later

if TYPE_CHECKING:
    from ._comparison import Comparison as Comparison
    from ._comparison import compare as compare
    from ._distribution import Distribution as Distribution
    from ._distribution import constant as constant
    from ._distribution import exponential as exponential
    from ._distribution import lognormal as lognormal
    from ._distribution import pareto as pareto
    from ._distribution import uniform as uniform
    from ._errors import InvalidExperiment as InvalidExperiment
    from ._errors import TrialEndless as TrialEndless
    from ._errors import TrialFailed as TrialFailed
    from ._estimate import Estimate as Estimate
    from ._estimate import estimate as estimate
    from ._experiment import Experiment as Experiment
    from ._export import make_csv as make_csv
    from ._export import make_json as make_json
    from ._interval import Interval as Interval
    from ._load import load as load
    from ._model import ActorModel as ActorModel
    from ._model import Fault as Fault
    from ._model import ServiceModel as ServiceModel
    from ._model import Source as Source
    from ._order import UnknownTrio as UnknownTrio
    from ._page import make_page as make_page
    from ._plot import NoMatplotlib as NoMatplotlib
    from ._policy import Policy as Policy
    from ._ready import ready as ready
    from ._ready import ready_path as ready_path
    from ._request import Request as Request
    from ._run import run as run
    from ._shared import ServiceDown as ServiceDown
    from ._simulated import Poisoned as Poisoned
    from ._simulated import SimulatedCrash as SimulatedCrash
    from ._trial import KINDS as KINDS
    from ._trial import MEASURES as MEASURES
    from ._trial import STATES as STATES
    from ._trial import Change as Change
    from ._trial import Happening as Happening
    from ._trial import Results as Results
    from ._trial import Trial as Trial
else:
    __getattr__ = find_later(
        globals(),
        (
            "._trial",
            "._errors",
            "._distribution",
            "._request",
            "._model",
            "._policy",
            "._shared",
            "._simulated",
            "._experiment",
            "._load",
            "._order",
            "._run",
            "._ready",
            "._interval",
            "._estimate",
            "._comparison",
            "._export",
            "._page",
            "._plot",
        ),
    )

__all__ = [
    "KINDS",
    "MEASURES",
    "STATES",
    "ActorModel",
    "Change",
    "Comparison",
    "Distribution",
    "Estimate",
    "Experiment",
    "Fault",
    "Happening",
    "Interval",
    "InvalidExperiment",
    "NoMatplotlib",
    "Poisoned",
    "Policy",
    "Request",
    "Results",
    "ServiceDown",
    "ServiceModel",
    "SimulatedCrash",
    "Source",
    "Trial",
    "TrialEndless",
    "TrialFailed",
    "UnknownTrio",
    "compare",
    "constant",
    "estimate",
    "exponential",
    "load",
    "lognormal",
    "make_csv",
    "make_json",
    "make_page",
    "pareto",
    "ready",
    "ready_path",
    "run",
    "uniform",
]
