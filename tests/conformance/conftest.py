import pytest

from .cast import Stage


@pytest.fixture
def stage() -> Stage:
    """The plan and the log of one test."""
    return Stage()
