"""What pytest tells of explored tests at the end, and that its options end with it."""

import pytest

from greenroom.races._settings import settings

pytest_plugins = ("pytester",)

FILE = """
from greenroom import races

@races.explore()
async def test_small(sim):
    sim.choose([1, 2])

@races.explore(schedules=40)
async def test_large(sim):
    for _ in range(50):
        sim.choose("ab")

def test_plain():
    pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(FILE)
    return pytester


def told(project: pytest.Pytester, *options: str) -> list[str]:
    """Return the lines about races at the end."""
    ran = project.runpytest_inprocess("-p", "no:cacheprovider", *options)
    ran.assert_outcomes(passed=3)
    lines = ran.stdout.str().splitlines()
    start = next(number for number, line in enumerate(lines) if line.strip("-") == " races ")
    return [line for line in lines[start + 1 :] if line and not line.startswith("=")]


def test_each_schedule_is_counted_once(project: pytest.Pytester) -> None:
    assert told(project) == ["2 tests explored 42 schedules, 42 of them distinct"]


def test_with_v_each_test_is_told_of(project: pytest.Pytester) -> None:
    small, large, _ = told(project, "-v")
    assert small.endswith("::test_small: 2 schedules, 2 of them distinct; all that there are; all of it controlled")
    assert "::test_large: 40 schedules, 40 of them distinct; " in large


def test_the_number_that_is_given_counts_for_all_and_for_this_run_only(project: pytest.Pytester) -> None:
    before = (settings.replay, settings.schedules)
    assert told(project, "--race-schedules=7") == ["2 tests explored 9 schedules, 9 of them distinct"]
    assert (settings.replay, settings.schedules) == before
