"""Supervised actors for Trio: registered at once, started behind the scenes, restarted when they break."""

import logging

from ._version import __version__ as __version__

__all__ = ["__version__"]

# A library stays silent until its user configures logging.
logging.getLogger("greenroom").addHandler(logging.NullHandler())
