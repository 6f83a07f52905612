"""Every argument of `mcp_server` is checked, and the error names the server, the argument and what was given."""

import math
from pathlib import Path
from typing import Any

import pytest

from greenroom.actors._errors import InvalidSpec
from greenroom.mcp import McpConnection, mcp_server
from greenroom.mcp._versions import known_versions

NO_STRING: list[Any] = [None, 1, 1.5, True, b"x", [], {}, object(), Path, math.nan]
NO_SECONDS: list[Any] = ["1", b"1", True, [], {}, -1, -0.5, -math.inf, math.nan, object(), 10**400]
NO_FLAG: list[Any] = [None, 0, 1, "true", "", [], {}, 1.0, object(), b""]
NO_LIST: list[Any] = ["add", b"add", 1, True, {"add": 1}, object(), [1], [None], [b"x"], [["add"]]]
NO_MAPPING: list[Any] = ["A=1", 1, True, ["A"], [("A", "1")], ("A", "1"), object(), {1: "x"}, {"": "x"}, {None: "x"}]
NO_HANDLER: list[Any] = [1, "f", b"f", True, [], {}, (), 1.5, frozenset({1}), ...]
NO_CHOICE: list[Any] = ["", "yes", "prompt", "ASK", "ask ", 1, None, True, ["ask"], b"ask"]

BAD: dict[str, list[Any]] = {
    "name": ["", " ", "\t", "a\nb", "a\0b", *[value for value in NO_STRING if value is not None]],
    "command": ["", " ", "a\0b", *[value for value in NO_STRING if value is not None]],
    "args": [*NO_LIST, ["a\0b"], None],
    "env": [*NO_MAPPING, {"A=B": "x"}, {"A": 1}, {"A": None}, {"A": b"x"}, {"A": "x\0y"}, {"A\0B": "x"}],
    "cwd": ["", " ", "a\0b", *[value for value in NO_STRING if value is not None]],
    "url": ["", "x", "localhost:80", "ftp://a/b", "http://", "http:///mcp", "https://a b/", "http://a:99999/", "http://a:0/",
            "http://a:x/", "//a/b", "http://[::1/", "http://a\n/", 1, b"http://a/", True, [], object()],
    "headers": [*NO_MAPPING, {"A B": "x"}, {"A:": "x"}, {"Ä": "x"}, {"A": "x\ny"}, {"A": "x\r\nB: y"}, {"A": 1}, {"A": None},
                {"A": "ä"}, {"A": b"x"}, {"A": "\0"}],
    "required": NO_FLAG,
    "enabled": NO_FLAG,
    "disabled_reason": NO_STRING,
    "wait": NO_FLAG,
    "startup_timeout": [*NO_SECONDS, 0],
    "tool_timeout": [*NO_SECONDS, 0],
    "exit_grace": [*NO_SECONDS, None, math.inf],
    "term_grace": [*NO_SECONDS, None, math.inf],
    "enabled_tools": [*NO_LIST, [""]],
    "disabled_tools": [*NO_LIST, [""], None],
    "supports_parallel_tool_calls": NO_FLAG,
    "approval": NO_CHOICE,
    "tool_approval": [*NO_MAPPING, {"add": "yes"}, {"add": None}],
    "mode": ["", "AUTO", "2026", "2026-07", "new", "2026-07-28x", 1, None, True, b"auto", ["auto"], "2025-13-45", "2026-02-29", "2025-11-25",
             "2026-07-29", "9999-01-01"],
    "on_elicitation": NO_HANDLER,
    "on_sampling": NO_HANDLER,
    "on_roots": NO_HANDLER,
    "on_log": NO_HANDLER,
}  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "value"), [(argument, value) for argument, values in BAD.items() for value in values]
)
def test_a_bad_argument_is_refused_by_name(argument: str, value: Any) -> None:
    given: dict[str, Any] = {"name": "git"}
    if argument not in {"url", "headers"}:
        given["command"] = "server"
    elif argument == "headers":
        given["url"] = "https://example.org/mcp"
    given[argument] = value
    with pytest.raises(InvalidSpec) as caught:
        mcp_server(given.pop("name"), **given)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("mcp_server: name: " if argument == "name" else f"mcp_server('git'): {argument}")


@pytest.mark.parametrize(
    ("mode", "problem"),
    [
        ("2025-13-45", "'2025-13-45' is neither 'auto' nor 'legacy' nor the date of a protocol version"),
        ("1999-12-31", "; versions of before that are agreed on by 'legacy'"),
        ("2026-07-29", "the MCP SDK has no version '2026-07-29'; it has "),
        ("2025-11-25", "; versions of before that are agreed on by 'legacy'"),
    ],
)
def test_a_version_that_cannot_be_is_refused_before_anything_is_started(mode: str, problem: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        mcp_server("git", command="server", mode=mode)
    assert problem in str(caught.value)
    assert str(caught.value).startswith("mcp_server('git'): mode: ")


def test_the_versions_are_the_sdks_own() -> None:
    from mcp_types.version import MODERN_PROTOCOL_VERSIONS

    assert known_versions() == tuple(sorted(MODERN_PROTOCOL_VERSIONS))
    for version in MODERN_PROTOCOL_VERSIONS:
        mcp_server("git", command="server", mode=version)


def test_every_argument_has_at_least_ten_bad_values() -> None:
    import inspect

    assert list(BAD) == list(inspect.signature(mcp_server).parameters)
    assert all(len(values) >= 10 for values in BAD.values())


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "command, url: one of the two is needed: a command to start, or the URL of a running server"),
        ({"command": "a", "url": "http://b/"}, "command, url: only one of the two can be given"),
        ({"command": "a", "headers": {"A": "b"}}, "headers: they go with a url, not with a command"),
        ({"command": "a", "headers": {}}, "headers: they go with a url, not with a command"),
        ({"url": "http://b/", "args": ["c"]}, "args: it goes with a command, not with a url"),
        ({"url": "http://b/", "env": {}}, "env: it goes with a command, not with a url"),
        ({"url": "http://b/", "cwd": "/"}, "cwd: it goes with a command, not with a url"),
        (
            {"command": "a", "enabled_tools": ["x", "y", "z"], "disabled_tools": {"z", "y"}},
            "enabled_tools, disabled_tools: both name 'y', 'z'",
        ),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        mcp_server("git", **given)
    assert str(caught.value) == f"mcp_server('git'): {problem}"


@pytest.mark.parametrize("value", [1, "wr\0ng s3cret", None, "s3cret\n"])
def test_no_error_shows_the_value_of_a_variable_or_a_header(value: Any) -> None:
    for given in ({"command": "a", "env": {"TOKEN": value}}, {"url": "http://a/", "headers": {"X-Token": value}}):
        shown = ""
        try:
            shown = repr(mcp_server("git", **given))  # type: ignore[arg-type]
        except InvalidSpec as error:
            shown = str(error)
        assert shown
        assert "s3cret" not in shown


def test_good_arguments_are_a_service_of_the_right_kind(tmp_path: Path) -> None:
    service = mcp_server(
        "git",
        command=Path("/usr/bin/server"),
        args=("", "-v"),
        env={"A": "", "B": "x=y\n"},
        cwd=tmp_path,
        required=False,
        enabled=False,
        disabled_reason="not today",
        wait=True,
        startup_timeout=None,
        tool_timeout=math.inf,
        exit_grace=0,
        enabled_tools=[],
        mode="2026-07-28",
    )
    assert (service.name, service.kind) == ("git", "MCP server")
    assert (service.required, service.enabled, service.disabled_reason, service.wait) == (
        False,
        False,
        "not today",
        True,
    )
    # The time for the start is kept by the service itself, whose error has the tail of stderr.
    assert service.timeout is None
    assert service.watch is McpConnection.wait_lost
    mcp_server("far", url="https://user:word@example.org:8443/mcp?x=1", headers={"Authorization": "Bearer\tabc"})
