"""Random streams: one for each purpose and each who has it, so that one policy's draws never shift another's."""

from hashlib import sha256
from random import Random


def number(seed: int, *names: str) -> int:
    """Return a number of 64 bits that depends on the seed and the names, and on nothing else."""
    return int.from_bytes(sha256("\0".join((str(seed), *names)).encode()).digest()[:8])


def stream(seed: int, *names: str) -> Random:
    """Return a random generator of its own; only its `random()` is used, which is the same in all versions of Python."""
    return Random(number(seed, *names))
