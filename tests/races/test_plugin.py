"""What pytest tells of explored tests at the end, and that its options end with it."""

import re
from pathlib import Path

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


FAILING = """
import pytest
from greenroom import races

@pytest.mark.parametrize("word", ["a/b", "<c>"])
@races.explore()
async def test_fails(sim, word):
    assert sim.choose([1, 2]) == 1, word

@races.explore()
async def test_holds(sim):
    sim.choose([1, 2])
"""


def failing(pytester: pytest.Pytester, *options: str) -> str:
    pytester.makepyfile(FAILING)
    ran = pytester.runpytest_inprocess("-p", "no:cacheprovider", *options)
    ran.assert_outcomes(passed=1, failed=2)
    return ran.stdout.str()


def test_each_failure_is_drawn_into_the_folder(pytester: pytest.Pytester) -> None:
    text = failing(pytester, "--race-pictures=pictures/of/it")
    folder = pytester.path / "pictures" / "of" / "it"
    pages = sorted(folder.iterdir())
    assert len(pages) == 2
    module = "test_each_failure_is_drawn_into_the_folder"
    assert [page.name.rpartition("-")[0] for page in pages] == [f"{module}-test_fails-a-b", f"{module}-test_fails-c"]
    assert all(re.fullmatch(r"[0-9a-f]{8}\.html", page.name.rpartition("-")[2]) for page in pages)
    for page in pages:
        assert f"drawn to {page}" in text
        assert "to see it again: <code>pytest --race-replay=" in page.read_text(encoding="utf-8")
    assert settings.pictures is None
    before = [page.name for page in pages]
    failing(pytester, "--race-pictures=pictures/of/it", "--race-replay=r1:0.1:-")
    assert sorted(page.name for page in folder.iterdir()) == before  # of each test one, drawn over


def test_what_cannot_be_drawn_is_told_and_the_failure_stays(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(path: Path, *_: object, **__: object) -> None:
        if path.suffix == ".html":
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", refuses)
        pytester.path.joinpath("test_it.py").write_bytes(FAILING.encode())
        ran = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--race-pictures=here")
    ran.assert_outcomes(passed=1, failed=2)
    text = ran.stdout.str()
    assert "cannot be written: No space left on device" in text
    assert "AssertionError: a/b" in text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("", "'' is no folder; give one, such as pictures"),
        ("there.txt", "'there.txt' is no folder, and there already; give another"),
        ("there.txt/below", "'there.txt/below' cannot be made: Not a directory"),
        ("x" * 300, "cannot be made: File name too long"),
        ("a\0b", "cannot be made: "),
    ],
)
def test_a_folder_that_will_not_do_is_told_at_once(pytester: pytest.Pytester, given: str, text: str) -> None:
    pytester.makepyfile(FAILING)
    (pytester.path / "there.txt").touch()
    ran = pytester.runpytest_inprocess("-p", "no:cacheprovider", f"--race-pictures={given}")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    assert "--race-pictures: " in ran.stderr.str()
    assert text in ran.stderr.str()
