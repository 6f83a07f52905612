"""Fields of an experiment: each says what it is by a kind, as the tables of a tree file do, and the same kind reads TOML and checks Python."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import Annotated, Any, Final, TypeAlias, cast, get_args

import attrs

from .. import Backoff, Intensity, InvalidSpec, Limits, MailboxSpec
from ..treefile._absent import Absent
from ..treefile._kinds import UNLIMITED, Kind
from ..treefile._problem import Place, unknown
from ..treefile._reader import kind_of, shown
from ._distribution import LASTING, SECONDS, Distribution, is_number
from ._errors import InvalidExperiment


def _any(_value: object) -> bool:
    return True


def settle(thing: Any) -> None:
    """Read each field of a new object by its kind, and put what was read in its place.

    Raises:
        InvalidExperiment: all that is wrong with them.
    """
    wrong: list[tuple[Place, str]] = []
    cls = cast("type[attrs.AttrsInstance]", type(thing))
    for field in attrs.fields(cls):
        kind = _kind_in(field.type)
        value = getattr(thing, field.name)
        if kind is None or value is field.default or isinstance(value, Absent):
            continue
        try:
            object.__setattr__(thing, field.name, read_as(kind, value))
        except ValueError as error:
            wrong.append(((field.name,), str(error)))
    if wrong:
        raise InvalidExperiment("", wrong)


def _kind_in(tp: Any) -> Kind | None:
    """Return the kind of a field that may also be absent, or None."""
    return next((kind for each in (tp, *get_args(tp)) if (kind := kind_of(each)) is not None), None)


def read_as(kind: Kind, value: Any) -> Any:
    """Read a value of Python by a kind of TOML. Raises ValueError."""
    if value is None and UNLIMITED in kind.words:
        return None
    if not kind.accepts(value):
        close = get_close_matches(value, kind.words, 1) if isinstance(value, str) else ()
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"{shown(value)} is wrong here; give {kind.says}{hint}")
    return kind.reads(value)


def _numbers(least: float, *, above: bool, says: str) -> Kind:
    def accepts(value: Any) -> bool:
        return is_number(value) and (value > least if above else value >= least)

    return Kind(says, {"type": "number"}, accepts)


def _culprit(value: Any, items: Sequence[Any], is_right: Callable[[Any], bool]) -> str:
    """Return what is to be told of an array: its first item that is wrong, or itself if it is empty or none at all; "" if all is well."""
    if not items:
        return "an empty array" if isinstance(value, (list, tuple)) else shown(value)
    return next((shown(each) for each in items if not is_right(each)), "")


def _read_names(value: Any) -> tuple[str, ...]:
    """Read a word, or several."""
    words: list[Any] = [value] if isinstance(value, str) else [*value] if isinstance(value, (list, tuple)) else []
    wrong = _culprit(value, words, lambda each: isinstance(each, str) and bool(each))
    if wrong:
        raise ValueError(f"{wrong} is wrong here; give a string that is not empty, or an array of such")
    if len(set(words)) < len(words):
        raise ValueError(f"{shown(value)} names one twice")
    return tuple(words)


def _read_weights(value: Any) -> Mapping[str, float]:
    """Read whom requests go to: a pattern, several, or patterns with weights."""
    if not isinstance(value, dict):
        return dict.fromkeys(_read_names(value), 1.0)
    table = cast("Mapping[Any, Any]", value)
    for pattern, weight in table.items():
        if not isinstance(pattern, str) or not pattern:
            raise ValueError(f"{shown(pattern)} is no pattern of actors' paths")
        if not is_number(weight) or weight <= 0:
            raise ValueError(f"the weight of {pattern!r} is {shown(weight)}; give a number above 0")
    if not table:
        raise ValueError("the table is empty, so nobody would get a request; name actors")
    return {pattern: float(weight) for pattern, weight in table.items()}


def _read_rows(value: Any, width: int, says: str) -> tuple[tuple[float, ...], ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{shown(value)} is wrong here; give {says}")  # noqa: TRY004 -- one class for all that is read
    rows: list[Any] = [*cast("Sequence[Any]", value)]
    for row in rows:
        if type(row) not in {list, tuple} or len(row) != width or not all(map(is_number, row)):
            raise ValueError(f"{repr(row)[:60]} is wrong here; give {says}")
        if not 0 <= row[0] < row[1]:
            raise ValueError(f"[{row[0]:g}, {row[1]:g}] is no time: give a beginning from 0, and an end after it")
    rows.sort()
    for before, after in pairwise(rows):
        if after[0] < before[1]:
            raise ValueError(f"the one from {after[0]:g} begins before the one from {before[0]:g} has ended")
    return tuple(tuple(float(each) for each in row) for row in rows)


_INTERVALS: Final = "an array of [begin, end], in seconds"
_SLOWDOWNS: Final = "an array of [begin, end, factor], the first two in seconds, the factor above 0"


def _read_intervals(value: Any) -> tuple[tuple[float, ...], ...]:
    return _read_rows(value, 2, _INTERVALS)


def _read_slowdowns(value: Any) -> tuple[tuple[float, ...], ...]:
    rows = _read_rows(value, 3, _SLOWDOWNS)
    for row in rows:
        if row[2] <= 0:
            raise ValueError(f"the factor of the one from {row[0]:g} is {row[2]:g}; give a number above 0")
    return rows


def _read_times(value: Any) -> tuple[float, ...]:
    times: list[Any] = [*value] if isinstance(value, (list, tuple)) else []
    wrong = _culprit(value, times, lambda each: is_number(each) and each >= 0)
    if wrong:
        raise ValueError(f"{wrong} is wrong here; give an array of seconds from 0")
    return tuple(sorted(float(each) for each in times))


def _read_seeds(value: Any) -> tuple[int, ...]:
    if type(value) is int and 1 <= value <= MOST_SEEDS:
        return tuple(range(1, value + 1))
    seeds: list[Any] = [*value] if isinstance(value, (list, tuple, range)) else []
    wrong = _culprit(value, seeds, lambda each: type(each) is int and 0 <= each < 2**64)
    if wrong:
        raise ValueError(
            f"{wrong} is wrong here; give how many (1 to {MOST_SEEDS}), or an array of whole numbers from 0"
        )
    if len(set(seeds)) < len(seeds):
        raise ValueError("one is given twice, and would count twice")
    return tuple(seeds)


#: More trials of one policy than anybody waits for.
MOST_SEEDS: Final = 100_000


def _spec(cls: type[Any], leave_out: Sequence[str] = ()) -> Kind:
    """Return the kind of a table that makes an object of the runtime's."""
    known = [field.name for field in attrs.fields(cls) if field.name not in leave_out]
    says = f"a table of {', '.join(known)}"

    def reads(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if not isinstance(value, dict):
            raise ValueError(f"{shown(value)} is wrong here; give {says}")  # noqa: TRY004 -- one class for all that is read
        table = cast("dict[str, Any]", value)
        for key in table:
            if key not in known:
                raise ValueError(unknown("key", key, known))
        needed = [f.name for f in attrs.fields(cls) if f.default is attrs.NOTHING and f.name not in table]
        if needed:
            raise ValueError(f"{' and '.join(needed)} is left out; it is needed")
        try:
            return cls(**{key: None if each == UNLIMITED else each for key, each in table.items()})
        except InvalidSpec as error:
            raise ValueError(str(error)) from None

    return Kind(says, {"type": "object"}, _any, reads)


def _read_backoff(value: Any) -> Backoff | None:
    if value is None or value == "none":
        return None
    if isinstance(value, str):
        raise ValueError(f'{shown(value)} is wrong here; give a table, or "none"')  # noqa: TRY004 -- as above
    return cast("Backoff", _BACKOFF.reads(value))


_BACKOFF: Final = _spec(Backoff)

Seconds: TypeAlias = Annotated[Distribution, SECONDS]
Lasting: TypeAlias = Annotated[Distribution, LASTING]
MaybeSeconds: TypeAlias = Annotated[Distribution | None, SECONDS]
MaybeLasting: TypeAlias = Annotated[Distribution | None, LASTING]
AboveZero: TypeAlias = Annotated[float, _numbers(0, above=True, says="a finite number of seconds above 0")]
FromZero: TypeAlias = Annotated[float, _numbers(0, above=False, says="a finite number of seconds from 0")]
MaybeAbove: TypeAlias = Annotated[float | None, _numbers(0, above=True, says="a finite number above 0")]
MaybeFrom: TypeAlias = Annotated[float | None, _numbers(0, above=False, says="a finite number of seconds from 0")]
Names: TypeAlias = Annotated[
    tuple[str, ...], Kind("a string, or an array of strings", {"type": ["string", "array"]}, _any, _read_names)
]
Weights: TypeAlias = Annotated[
    Mapping[str, float],
    Kind(
        "a string, an array of strings, or a table of weights",
        {"type": ["string", "array", "object"]},
        _any,
        _read_weights,
    ),
]
Intervals: TypeAlias = Annotated[
    tuple[tuple[float, ...], ...], Kind(_INTERVALS, {"type": "array"}, _any, _read_intervals)
]
Slowdowns: TypeAlias = Annotated[
    tuple[tuple[float, ...], ...], Kind(_SLOWDOWNS, {"type": "array"}, _any, _read_slowdowns)
]
Times: TypeAlias = Annotated[tuple[float, ...], Kind("an array of seconds", {"type": "array"}, _any, _read_times)]
Seeds: TypeAlias = Annotated[
    tuple[int, ...], Kind("a whole number, or an array of such", {"type": ["integer", "array"]}, _any, _read_seeds)
]
AnyIntensity: TypeAlias = Annotated[Intensity | None, _spec(Intensity)]
AnyBackoff: TypeAlias = Annotated[
    Backoff | Absent | None, Kind('a table, or "none"', {"type": ["object", "string"]}, _any, _read_backoff)
]
AnyMailbox: TypeAlias = Annotated[MailboxSpec | None, _spec(MailboxSpec, ("coalesce_key",))]
AnyLimits: TypeAlias = Annotated[Limits | None, _spec(Limits)]
