"""Versions of the protocol, by their dates: those that the installed SDK can be told to speak."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any


@cache
def known_versions() -> tuple[str, ...]:
    """Return the versions that need no handshake, oldest first; none if the SDK is not there, or does not say.

    Plain function. The SDK's table of versions is read by itself: it has no imports, and its package takes half a second to import.
    """
    package = importlib.util.find_spec("mcp_types")
    for folder in (package.submodule_search_locations or ()) if package is not None else ():
        spec = importlib.util.spec_from_file_location("_greenroom_mcp_versions", Path(folder) / "version.py")
        if spec is None or spec.loader is None:
            continue
        module: Any = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except (OSError, ImportError):
            continue
        return tuple(sorted(getattr(module, "MODERN_PROTOCOL_VERSIONS", ())))
    return ()
