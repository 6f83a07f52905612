"""Context variables: whether somebody has changed one."""

from contextvars import Context


def differ(one: Context, other: Context) -> bool:
    """Return whether two contexts have other values. Comparing them runs the values' own code; if that fails, one of them is new."""
    try:
        return one != other
    except Exception:  # noqa: BLE001 -- user code, which is nobody's affair here
        return True
