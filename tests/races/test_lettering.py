"""Texts of pictures: seen whole or cut to where they fit, and nothing but text."""

from hypothesis import given
from hypothesis import strategies as st

from greenroom.races._lettering import MARKS, fitted, lettered, marked_up, width_of, wrapped


@given(st.text(), st.integers(1, 40), st.booleans())
def test_what_is_cut_fits(text: str, width: int, keep_end: bool) -> None:
    shown = lettered(text)
    cut = fitted(shown, width * 10, 12, keep_end=keep_end)
    assert width_of(cut, 12) <= max(width * 10, width_of("…", 12))
    assert cut == shown or (cut.startswith("…") if keep_end else cut.endswith("…"))
    lines = wrapped(shown, width * 10, 12, 3)
    assert len(lines) <= 3
    assert all(width_of(line, 12) <= max(width * 10, width_of("…", 12)) for line in lines)


def test_what_means_something_in_xml_is_escaped_in_texts_and_in_attributes() -> None:
    assert marked_up("<a b=\"c\" d='e'>&") == "&lt;a b=&quot;c&quot; d=&#x27;e&#x27;&gt;&amp;"


def test_what_is_not_seen_is_written_out() -> None:
    assert lettered("a\x00b\u202ec\U000e0001d\ud800") == r"a\x00b\u202ec\U000e0001d\ud800"
    assert lettered("a" + "\u0301" * (MARKS + 1)) == "a" + "\u0301" * MARKS + r"\u0301"
    assert lettered("<X object at 0x7f12ab34> and <Y at 0x") == "<X object> and <Y"
    assert lettered("a\n  b") == "a b"
