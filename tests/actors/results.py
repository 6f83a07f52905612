"""What comes of calls that are dispatched."""

from greenroom import CallResult


def kinds(results: list[CallResult]) -> list[str]:
    return [result.kind for result in results]
