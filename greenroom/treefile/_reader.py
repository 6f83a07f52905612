"""Reading a tree file: from TOML to classes, with all that is wrong in it at once."""

import tomllib
from codecs import BOM_UTF8
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import attrs
from cattrs import (
    AttributeValidationNote,
    ClassValidationError,
    Converter,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.gen import make_dict_structure_fn

from ._absent import Absent
from ._depth import DEEPEST, line_too_deep, places_too_deep
from ._kinds import Kind
from ._problem import InvalidInput, Malformed, Place, Problem, WrongWithin, path_of, unknown
from ._treefile import OF_ACTORS, OF_SUPERVISORS, Child, Supervisor, TreeFile, kind_of_child

# Bytes of a tree file, at most: what is longer is no tree file.
LONGEST = 1_000_000


class _Wrong(Exception):
    """A value is not of its kind."""


def read_tree_file(path: Path) -> TreeFile:
    """Read a tree file.

    Raises:
        InvalidInput: it cannot be read, or is no TOML.
        Malformed: it is no tree; with all that is wrong.
    """
    return structure_tree(read_toml(path), str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file of TOML as plain data. Raises InvalidInput: it cannot be read, or is no TOML."""
    source = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST + 1)
    except IsADirectoryError:
        hint = "; did you mean one of its files?" if any(path.glob("*.toml")) else ""
        raise InvalidInput(source, [Problem("", f"is a folder, not a file{hint}")]) from None
    except OSError as error:
        raise InvalidInput(source, [Problem("", f"cannot be read: {error.strerror or error}")]) from None
    except ValueError as error:  # a null byte in the path
        raise InvalidInput(repr(source), [Problem("", f"is no path: {error}")]) from None
    if len(raw) > LONGEST:
        raise InvalidInput(source, [Problem("", f"is longer than {LONGEST} bytes, so no tree file")])
    try:
        data = tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InvalidInput(source, [Problem("", f"is no TOML: line {line} is not UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        marked = "it begins with a byte order mark; save it as UTF-8 without one"
        raise InvalidInput(
            source, [Problem("", f"is no TOML: {marked if raw.startswith(BOM_UTF8) else error}")]
        ) from None
    except RecursionError:
        text = f"is no TOML that can be read: line {line_too_deep(raw.decode())} is nested deeper than {DEEPEST} levels"
        raise InvalidInput(source, [Problem("", text)]) from None
    if too_deep := places_too_deep(data):
        text = f"is nested deeper than {DEEPEST} levels"
        raise InvalidInput(source, [Problem(path_of(place), text) for place in too_deep])
    return data


def structure_tree(data: dict[str, Any], source: str) -> TreeFile:
    """Turn plain data into a TreeFile, or raise Malformed with all that is wrong."""
    try:
        return _converter.structure(data, TreeFile)
    except Exception as error:  # noqa: BLE001 -- cattrs collects into groups whatever its hooks raise
        problems = list(problems_in(error, TreeFile))
    raise Malformed(source, data, problems)


def _is_optional(tp: Any) -> bool:
    return is_union(tp) and Absent in get_args(tp)


def is_union(tp: Any) -> bool:
    """Return whether a type is one of several."""
    return get_origin(tp) in (Union, UnionType)


def is_child(tp: Any) -> bool:
    """Return whether a type is that of the items of `children`."""
    return is_union(tp) and Child in get_args(tp)


def table_and_kind(tp: Any) -> tuple[Any, Kind] | None:
    """Return the class and the kind of what may be a table, or a word in its place."""
    classes = [each for each in get_args(tp) if attrs.has(each)] if is_union(tp) and not is_child(tp) else []
    kinds = [kind for kind in map(kind_of, get_args(tp)) if kind is not None]
    return (classes[0], kinds[0]) if classes and kinds else None


def _is_container(tp: Any) -> bool:
    origin: Any = get_origin(tp)
    return origin in (dict, list)


def strip_absent(tp: Any) -> Any:
    """Return the type of what is given, when it is given."""
    if not _is_optional(tp):
        return tp
    return Union[tuple(each for each in get_args(tp) if each is not Absent)]  # noqa: UP007 -- of as many as there are


def kind_of(tp: Any) -> Kind | None:
    """Return the kind that an annotation names."""
    if get_origin(tp) is not Annotated:
        return None
    return next((each for each in get_args(tp)[1:] if isinstance(each, Kind)), None)


def make_converter() -> Converter:
    """Make what turns plain data into classes whose fields are kinds, tables, and arrays and tables of these."""
    converter = Converter(detailed_validation=True, forbid_extra_keys=True)

    def read_kind(value: Any, tp: Any) -> Any:
        kind = kind_of(tp)
        assert kind is not None
        return _read_as(kind, value)

    def read_optional(value: Any, tp: Any) -> Any:
        return converter.structure(value, strip_absent(tp))

    def read_child(value: Any, _: Any) -> Any:
        return converter.structure(value, kind_of_child(value))

    def read_table_or_word(value: Any, tp: Any) -> Any:
        found = table_and_kind(tp)
        assert found is not None
        table, word = found
        if is_a(value, dict):
            return converter.structure(value, table)
        return _read_as(attrs.evolve(word, says=f"a table, or {word.says}"), value)

    def make_table_reader(cls: Any) -> Any:
        read = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True)

        def read_table(value: Any, tp: Any) -> Any:
            if not is_a(value, dict):
                raise _Wrong(f"{shown(value)} is wrong here; give a table")
            return read(value, tp)

        return read_table

    def make_container_reader(tp: Any) -> Any:
        kind = dict if get_origin(tp) is dict else list

        def read_container(value: Any, _: Any) -> Any:
            if not is_a(value, kind):
                raise _Wrong(f"{shown(value)} is wrong here; give {_what_holds(tp)}")
            return _read_items(converter, value, tp)

        return read_container

    converter.register_structure_hook_factory(attrs.has, make_table_reader)
    converter.register_structure_hook_factory(_is_container, make_container_reader)
    converter.register_structure_hook_func(lambda tp: kind_of(tp) is not None, read_kind)
    converter.register_structure_hook_func(is_child, read_child)
    converter.register_structure_hook_func(lambda tp: table_and_kind(tp) is not None, read_table_or_word)
    converter.register_structure_hook_func(_is_optional, read_optional)
    return converter


def _what_holds(tp: Any) -> str:
    """Say what a container is, as the object of "give …"."""
    if get_origin(tp) is dict:
        return "a table"
    item = table_and_kind(get_args(tp)[0])
    return "an array of tables" if item is None else f"an array, each item of which is a table, or {item[1].says}"


def _read_as(kind: Kind, value: Any) -> Any:
    if not kind.accepts(value):
        close = get_close_matches(value, kind.words, 1) if isinstance(value, str) else ()
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise _Wrong(f"{shown(value)} is wrong here; give {kind.says}{hint}")
    return kind.reads(value)


class _Items(Exception):
    """What was wrong with the items of a container."""

    def __init__(self, wrong: list[tuple[str | int, Any, Exception]]) -> None:
        super().__init__(wrong)
        self.wrong = wrong


def _read_items(converter: Converter, value: Any, tp: Any) -> Any:
    wrong: list[tuple[str | int, Any, Exception]] = []
    read: dict[str | int, Any] = {}
    *key_type, item_type = get_args(tp)
    is_table = is_a(value, dict)
    items: list[tuple[str | int, Any]] = [*value.items()] if is_table else [*enumerate(value)]
    for key, item in items:
        for part, what in [*((each, key) for each in key_type), (item_type, item)]:
            try:
                read[key] = converter.structure(what, part)
            except Exception as error:  # noqa: BLE001 -- collected with its place, as cattrs does
                wrong.append((key, part, error))
    if wrong:
        raise _Items(wrong)
    return read if is_table else list(read.values())


def is_a(value: Any, kind: type) -> bool:
    """Return whether a value is of a kind; it stays what it is for the type checkers, for which the parts of a bare dict are unknown."""
    return type(value) is kind


def shown(value: Any) -> str:
    """Show a value as TOML would, cut short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 -- characters of a line


def problems_in(error: BaseException, tp: Any) -> Iterator[tuple[Place, str]]:
    """Iterate over what is wrong, with the places, of what a converter raised for data that was to be of a type."""
    return _problems(error, (), tp)


def _problems(error: BaseException, path: Place, tp: Any) -> Iterator[tuple[Place, str]]:
    """Walk what cattrs raised, and give each leaf its place."""
    if isinstance(error, _Items):
        for key, part, each in error.wrong:
            yield from _problems(each, (*path, key), part)
    elif isinstance(error, (ClassValidationError, IterableValidationError)):
        with_notes, without = error.group_exceptions()
        for each, note in with_notes:
            place = note.name if isinstance(note, AttributeValidationNote) else note.index
            yield from _problems(each, (*path, place), note.type)
        for each in without:
            yield from _problems(each, path, tp)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = sorted(field.name for field in attrs.fields(error.cl))
        for key in sorted(error.extra_fields):
            yield (*path, key), _of_others(error.cl, key) or unknown("key", key, known)
    elif isinstance(error, WrongWithin):
        yield from (((*path, *place), text) for place, text in error.wrong)
    elif isinstance(error, KeyError):
        yield path, "is needed, and left out"
    else:
        yield path, str(error)


def _of_others(cls: Any, key: str) -> str:
    """Say that actors have such a key, or supervisors, and this is none."""
    if cls is Child and key in OF_SUPERVISORS:
        return "is for supervisors, and what has a factory is none; a supervisor has children, and no factory"
    if cls is Supervisor and key in OF_ACTORS:
        return "is for actors, and this is a supervisor; give it to its children, or in its own defaults"
    return ""


_converter = make_converter()
