"""Files that are written whole: who looks sees what was there before, or all of what is there now."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write a text to a file, as UTF-8 and with its newlines as they are; the file is there whole or as it was before, whatever happens.

    What is no plain file (a pipe, a terminal) is written to as it is, and so is a file in a folder that takes no new ones; a symbolic link keeps
    leading to the file that is written.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    target = Path(os.path.realpath(path))
    data = text.encode("utf-8", errors="backslashreplace")
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    try:
        descriptor, name = tempfile.mkstemp(prefix=".greenroom-", dir=target.parent)
    except PermissionError:
        if not target.exists():
            raise
        target.write_bytes(data)
        return
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _mode_of(target))  # noqa: PTH101 -- it has a name, and is no path
        os.replace(name, target)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise


def _mode_of(target: Path) -> int:
    """Return who may do what with a file: what is there already, else what is usual."""
    with suppress(OSError):
        return target.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
