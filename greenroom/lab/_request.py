"""Requests: the mail of a trial, each with what it will come to wherever it goes, so that policies meet the same requests."""

from typing import Literal

import attrs

Stage = Literal["waiting", "in hand", "interrupted", "answered", "lost"]


@attrs.define(eq=False)
class Request:
    """Be one request.

    Attributes:
        source: the name of the source.
        path: whom it goes to.
        arrived: seconds of the trial.
        service: seconds that its handling takes.
        is_poison: it crashes who handles it.
        hangs: its handling never ends by itself.
        stage: how far it has come.
    """

    source: str
    path: str
    arrived: float
    service: float
    is_poison: bool = False
    hangs: bool = False
    #: its arrival is within what is measured.
    counts: bool = True
    stage: Stage = "waiting"
    #: how often it may still be given again when its handling is interrupted.
    tries: int = 0
    begun: bool = False
