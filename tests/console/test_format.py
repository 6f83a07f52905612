"""The tree format: what is right is read, and all that is wrong is told at once, each with its place."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from greenroom.treefile._absent import ABSENT
from greenroom.treefile._problem import InvalidInput
from greenroom.treefile._reader import LONGEST, read_tree_file, structure_tree
from greenroom.treefile._treefile import Child, MailboxTable

CHILD: dict[str, Any] = {"name": "a", "factory": "greenroom:Actor"}


def problems(data: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        structure_tree(data, "tree.toml")
    return [str(problem) for problem in caught.value.problems]


def problems_of_child(**keys: Any) -> list[str]:
    return problems({"name": "x", "children": [{**CHILD, **keys}]})


def test_what_is_left_out_is_absent_and_not_the_default() -> None:
    read = structure_tree({"name": "x", "children": [{**CHILD, "mailbox": {"capacity": "unlimited"}}]}, "tree.toml")
    assert read.main is ABSENT
    (child,) = read.children
    assert isinstance(child, Child)
    assert child.restart is ABSENT
    assert child.mailbox == MailboxTable(capacity=None)
    assert isinstance(child.mailbox, MailboxTable)
    assert child.mailbox.overflow is ABSENT


def test_all_that_is_wrong_is_told_at_once_each_with_its_path() -> None:
    assert problems(
        {
            "nam": "x",
            "main": 3,
            "limits": 4,
            "parameters": {"Bad name": {"default": [1]}, "good": {"hlp": "x"}},
            "profiles": {"fast": {"restart": True}},
            "children": [
                {"name": "A b", "fctory": "m:A", "mailbox": {"capacity": 0, "overlow": "wait"}, "shutdown": -1},
                4,
            ],
        }
    ) == [
        "name: is needed, and left out",
        "main: 3 is wrong here; give 1 to 64 of the characters a-z, 0-9, _ and -, or several such names with / between them",
        "limits: 4 is wrong here; give a table",
        "parameters.'Bad name': 'Bad name' is wrong here; give a letter a-z, then letters, digits and _",
        "parameters.'Bad name'.default: an array is wrong here; give a string, a number or a boolean",
        "parameters.good.hlp: there is no key 'hlp'; did you mean 'help'?",
        'profiles.fast.restart: true is wrong here; give "permanent", "transient" or "temporary"',
        'children[0].shutdown: -1 is wrong here; give a number of seconds from 0, or "unlimited"',
        'children[0].mailbox.capacity: 0 is wrong here; give a whole number from 1, or "unlimited"',
        "children[0].mailbox.overlow: there is no key 'overlow'; did you mean 'overflow'?",
        "children[0].name: 'A b' is wrong here; give 1 to 64 of the characters a-z, 0-9, _ and -",
        "children[0].factory: is needed, and left out",
        "children[0].fctory: there is no key 'fctory'; did you mean 'factory'?",
        "children[1]: 4 is wrong here; give a table",
        "nam: there is no key 'nam'; did you mean 'name'?",
    ]


WRONG: dict[str, list[Any]] = {
    "name": ["", "A", "a b", "a" * 65, "ä", 3, True, None, ["a"], {"a": 1}, "a\n"],
    "factory": ["", "a", "a:", ":b", "a b:c", "a:b c", "a:b:c", ".a:b", "a.:b", "a:1b", 3, ["a:b"]],
    "restart": ["", "always", "Permanent", 0, True, [], {}, ["permanent"], "permanent ", 1.5],
    "startup": ["", "lazy", True, 1, [], {}, "INLINE", "inline ", 0.5, ["deferred"]],
    "shutdown": [-1, -0.1, float("nan"), float("inf"), True, "5", "forever", [], {}, [5]],
    "startup_timeout": [0, 0.0, -1, float("nan"), float("inf"), False, "60", "none", [], {}],
    "redeliver": [-1, 1.0, True, "1", "unlimited", [], {}, float("nan"), -5, [0]],
    "on_error": [
        5,
        "stop",
        [],
        True,
        {"OSError": "halt"},
        {"OSError": 1},
        {"a b": "stop"},
        {":a": "stop"},
        {"a:": "stop"},
        {"": "stop"},
    ],
    "handler_timeout": [0, 0.0, -1, float("nan"), float("inf"), False, "60", "never", [], {}],
    "on_overdue": ["", "kill", "Warn", True, 1, [], {}, "warn ", 0.5, ["warn"]],
    "rest_after": [0, 0.0, -1, float("nan"), float("inf"), False, "60", "never", [], {}],
    "mailbox": [5, "5", [], True, 1.5, [{}], {"capacity": 0}, {"capacity": 1.5}, {"capacity": True}, {"overflow": "x"}],
    "significant": [0, 1, "true", "yes", [], {}, 1.5, [True]],
    "backoff": [
        5,
        "off",
        [],
        True,
        [{}],
        {"initial": 0},
        {"initial": -1},
        {"maximum": "unlimited"},
        {"factor": 0.5},
        {"factor": True},
        {"jitter": 1.5},
        {"jitter": -0.1},
        {"reset_after": -1},
        {"max_attempts": 1.5},
        {"max_attempts": -1},
    ],
    "intensity": [
        5,
        "none",
        [],
        True,
        {"max_restarts": -1},
        {"max_restarts": "unlimited"},
        {"within": 0},
    ],
    "labels": [5, "a", [], True, {"a": []}, {"a": {}}, [["a", "b"]], {"a": {"b": 1}}, 1.5, {"a": [1]}],
    "args": [5, "a", {}, True, 1.5, {"a": 1}, {"0": 1}, False, "[]", 0],
    "kwargs": [5, "a", [], True, 1.5, [["a", 1]], "{}", False, 0, [{}]],
    "keys": [
        "db", 7, True, {}, {"key": "db"}, [float("nan")], [["a", float("nan")]], [{}], [{"key": {}}], [{"key": "a", "duplicate": 1}],
        [{"key": "a", "value": None}], [["a", {"key": "b"}]], [date(2026, 1, 1)], [{"key": [date(2026, 1, 1)]}],
    ],
}  # fmt: skip


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
def test_what_is_not_of_the_kind_that_a_key_takes_is_refused_with_its_path(key: str, value: Any) -> None:
    (problem,) = problems_of_child(**{key: value})
    assert problem.startswith(f"children[0].{key}")
    assert "give " in problem or value == [{}]  # a table that leaves out what it needs


RIGHT: dict[str, list[Any]] = {
    "name": ["a", "a-b_0", "a" * 64],
    "factory": ["a:b", "a.b_c:D.e", "_a:_b"],
    "restart": ["permanent", "transient", "temporary"],
    "startup": ["inline", "deferred"],
    "shutdown": [0, 0.5, 7, "unlimited"],
    "startup_timeout": [0.5, 7, "unlimited"],
    "redeliver": [0, 3],
    "on_error": [{}, {"OSError": "stop", "a.b:C.D": "resume"}],
    "handler_timeout": [0.5, 60, "unlimited"],
    "on_overdue": ["warn", "cancel", "restart"],
    "rest_after": [0.5, 60, "unlimited"],
    "significant": [True, False],
    "backoff": [
        {},
        {"initial": 1},
        {"initial": 0.5, "maximum": 9, "factor": 1, "jitter": 0, "reset_after": 0, "max_attempts": 0},
    ],
    "intensity": [{}, {"max_restarts": 0}, {"within": 0.5}],
    "mailbox": [{}, {"capacity": 1}, {"capacity": "unlimited", "overflow": "wait"}],
    "labels": [{}, {"a": "b", "c": 1, "d": 1.5, "e": True}],
    "args": [[], [1, "a", [True], {"a": 1.5}]],
    "kwargs": [{}, {"a": [1], "b": {"c": "d"}}],
    "keys": [
        [],
        ["a", 1, 1.0, True],
        [["room", 3, ["a"]], []],
        [{"key": ["a"], "value": {"b": [1]}, "duplicate": True}],
    ],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in RIGHT.items() for value in values])
def test_what_a_key_takes_is_read(key: str, value: Any) -> None:
    (child,) = structure_tree({"name": "x", "children": [{**CHILD, key: value}]}, "tree.toml").children
    expected = {
        "mailbox": None,
        "backoff": None,
        "intensity": None,
        "keys": None,
        "args": tuple(value) if key == "args" else None,
    }.get(key, value)
    if expected is not None:
        assert getattr(child, key) == (None if expected == "unlimited" else expected)


@pytest.mark.parametrize("word", ["permanet", "transent", "tempory"])
def test_a_word_that_is_nearly_right_is_guessed(word: str) -> None:
    (problem,) = problems_of_child(restart=word)
    assert "; did you mean '" in problem


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "name: is needed, and left out\n{path}: children: is needed, and left out"),
        (b'name = "x"\nchildren = [\n', "is no TOML: Invalid value (at end of document)"),
        (b'name = "x"\nname = "y"\n', "is no TOML: Cannot overwrite a value (at line 2, column 11)"),
        (b'name = "x"\n\xff = 1', "is no TOML: line 2 is not UTF-8"),
        (b'\xef\xbb\xbfname = "x"', "is no TOML: it begins with a byte order mark; save it as UTF-8 without one"),
        (b"\x00" * 10, "is no TOML: Invalid statement (at line 1, column 1)"),
        (
            b"# [[[\nb = '[['\n\"[\" = 3\na=" + b"[" * 3000 + b"]" * 3000,
            "is no TOML that can be read: line 4 is nested deeper than 100 levels",
        ),
        (b"name = 'x'\na = " + b"[" * 99 + b"]" * 99, "a: there is no key 'a'"),
        (b"name = 'x'\na = " + b"[" * 100 + b"]" * 100, "a[0][0][0]: is nested deeper than 100 levels"),
        (
            b"name = 'x'\n[[children]]\nkwargs." + b".".join([b"a"] * 3000) + b" = 1",
            "children[0].kwargs.a: is nested deeper than 100 levels",
        ),
        (
            b"name = 'x'\n[[children]]\nargs = [[1], " + b"[" * 200 + b"]" * 200 + b"]",
            "children[0].args[1]: is nested deeper than 100 levels",
        ),
        (b"#" * (LONGEST + 1), f"is longer than {LONGEST} bytes, so no tree file"),
        (b"{}", "is no TOML: Invalid statement (at line 1, column 1)"),
        (b"name = x", "is no TOML: Invalid value (at line 1, column 8)"),
        (b"children = 3\nname = 3", "name: 3 is wrong here; give 1 to 64"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else "",
)
def test_a_file_that_is_no_tree_is_refused_with_the_line_where_it_is_known(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "tree.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        read_tree_file(path)
    assert f"{path}: {said.format(path=path)}" in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    (tmp_path / "some.toml").touch()
    for path, said in (
        (tmp_path / "none.toml", "cannot be read: No such file or directory"),
        (tmp_path / "none" / "x.toml", "cannot be read: No such file or directory"),
        (tmp_path / "some.toml" / "x", "cannot be read: Not a directory"),
        (tmp_path, "is a folder, not a file; did you mean one of its files?"),
        (loop, "cannot be read: Too many levels of symbolic links"),
        (tmp_path / ("x" * 300), "cannot be read: File name too long"),
        (Path("a\0b"), "is no path: embedded null byte"),
    ):
        with pytest.raises(InvalidInput, match=said.replace("?", r"\?")):
            read_tree_file(path)
