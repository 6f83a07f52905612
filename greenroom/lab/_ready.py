"""Experiments that come with the lab, by name."""

from pathlib import Path
from typing import Final

from ._units import check_names

_FOLDER: Final = Path(__file__).parent / "ready"


def ready() -> tuple[str, ...]:
    """Return the names of the experiments that come with the lab."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def ready_path(name: str) -> Path:
    """Return the file of an experiment that comes with the lab.

    Raises:
        ValueError: there is none of that name; the text says which was perhaps meant.
    """
    check_names("ready experiment", [name], ready())
    return _FOLDER / f"{name}.toml"
