"""The tail of a stderr: bounded, whole lines, fit to be shown."""

from hypothesis import given
from hypothesis import strategies as st

from greenroom.mcp._errors import McpStartupFailed
from greenroom.mcp._stderr import StderrTail


@given(st.lists(st.binary(max_size=3_000), max_size=20))
def test_whatever_is_written_the_tail_stays_within_its_bounds_and_can_be_shown(chunks: list[bytes]) -> None:
    tail = StderrTail()
    for chunk in chunks:
        tail.feed(chunk)
        kept = tail.last()
        assert len(kept) <= 20
        assert sum(map(len, kept)) <= 5_000
        assert all(line.isprintable() and line.strip() for line in kept)


@given(st.text(), st.integers(1, 7))
def test_how_the_bytes_are_cut_into_chunks_makes_no_difference(text: str, size: int) -> None:
    data = text.encode("utf-8", "replace")
    whole, cut = StderrTail(), StderrTail()
    lines = whole.feed(data)
    pieces = [line for start in range(0, len(data), size) for line in cut.feed(data[start : start + size])]
    assert (pieces, cut.last()) == (lines, whole.last())


def test_the_last_lines_are_kept_and_empty_ones_are_not() -> None:
    tail = StderrTail(lines=3)
    assert tail.feed(b"a\n\nb\r\n  \nc\nd\ne") == ["a", "", "b", "", "c", "d"]
    assert tail.last() == ("c", "d", "e")


def test_colours_cursors_and_progress_bars_are_taken_out() -> None:
    tail = StderrTail()
    tail.feed(b"\x1b[1;31mred\x1b[0m\x07\n\x1b]0;title\x07plain\n10%\r50%\r100%\ntab\there\n\xff\xfe\n")
    assert tail.last() == ("red", "plain", "100%", "tab here", "\ufffd\ufffd")


def test_a_line_without_end_is_cut_and_does_not_grow() -> None:
    tail = StderrTail()
    for _ in range(1_000):
        tail.feed(b"x" * 1_000)
    assert sum(map(len, tail.last())) <= 5_000


def test_the_text_of_an_error_is_one_line_with_the_last_words_and_a_note_has_all() -> None:
    error = McpStartupFailed("git", cause="exited with code 1", stderr=[f"word {n}" for n in range(9)])
    assert str(error) == "MCP server 'git' did not start: exited with code 1; stderr: word 6 | word 7 | word 8"
    assert error.__notes__[0].count("\n") == 9
    long = McpStartupFailed("git", cause="exited with code 1", stderr=["x" * 999])
    assert len(str(long)) < 500
    assert "stderr" not in str(McpStartupFailed("git", cause="exited with code 1"))
