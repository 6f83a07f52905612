"""Files that a command is to write: whether they can be is found out before anything is run."""

import os
from collections.abc import Iterator
from pathlib import Path

from ..treefile._problem import Problem


def check_file(option: str, name: str) -> Iterator[Problem]:
    """Refuse a file that cannot be written; what is in it stays until there is something to write."""
    path = Path(name)
    try:
        if not name:
            text = "is no name of a file"
        elif path.is_dir():
            text = "is a folder"
        elif path.exists():
            text = "" if os.access(path, os.W_OK) else "cannot be written: Permission denied"
        elif not path.parent.is_dir():
            text = f"cannot be written: there is no folder {path.parent}"
        else:
            text = "" if os.access(path.parent, os.W_OK) else "cannot be written: Permission denied"
    except (OSError, ValueError) as error:
        text = f"cannot be written: {error}"
    if text:
        yield Problem(option, f"{name!r} {text}")
