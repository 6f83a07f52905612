"""What pytest and the tests with `@explore` tell each other."""

from collections.abc import Callable
from pathlib import Path

import attrs

from ._survey import Survey

#: Make what hears of each schedule of a test, by its name, that there are so many of.
MakeProgress = Callable[[str, int], Callable[[int], None]]


@attrs.define
class Settings:
    """Hold it for the time of a pytest run.

    Attributes:
        replay: the token that every explored test is run under, instead of a search.
        schedules: how many schedules each explored test tries, whatever it says itself.
        progress: makes what shows how far a test is; None shows nothing.
        test: the id of the test that runs now, as pytest takes it; "" without pytest.
        pictures: the folder into which each failure is drawn; None draws none.
        surveys: what the tests' searches came to, until it is taken.
    """

    replay: str | None = None
    schedules: int | None = None
    progress: MakeProgress | None = None
    test: str = ""
    pictures: Path | None = None
    surveys: list[Survey] = attrs.field(factory=list[Survey])


settings = Settings()
