"""Frames to plain data, and back."""

from typing import Any, Final

import attrs
import cattrs

from ._frame import Frame

_CONVERTER: Final = cattrs.Converter(detailed_validation=False)


def unstructure(value: attrs.AttrsInstance) -> Any:
    """Return a frame or a row as plain data."""
    return _CONVERTER.unstructure(value)


def structure_frame(data: Any) -> Frame:
    """Return a frame made of plain data; whatever is missing or wrong in it raises."""
    return _CONVERTER.structure(data, Frame)
