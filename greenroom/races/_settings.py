"""What the command line of pytest says of all explorations."""

import attrs


@attrs.define
class Settings:
    """Hold it for the time of a pytest run.

    Attributes:
        replay: the token that every explored test is run under, instead of a search.
        schedules: how many schedules each explored test tries, whatever it says itself.
    """

    replay: str | None = None
    schedules: int | None = None


settings = Settings()
