"""The schema says what the reader does."""

import importlib
import json
from typing import Any

import attrs
import pytest

from greenroom.console._schema import schema_text, tree_schema
from greenroom.treefile import _treefile
from greenroom.treefile._problem import InvalidInput
from greenroom.treefile._reader import structure_tree
from greenroom.treefile._treefile import TreeFile

# It comes with the mcp SDK, without types.
jsonschema: Any = importlib.import_module("jsonschema")

CHILD: dict[str, Any] = {"name": "a", "factory": "greenroom.races.catalogue._sharing:Account"}


def reads(data: dict[str, Any]) -> bool:
    try:
        structure_tree(data, "tree.toml")
    except InvalidInput:
        return False
    return True


def test_every_table_and_every_key_of_the_format_is_in_the_schema_with_a_word_about_it() -> None:
    tables = tree_schema()["$defs"]
    classes = {cls for cls in vars(_treefile).values() if attrs.has(cls) and cls.__module__ == _treefile.__name__}
    assert {cls.__name__ for cls in classes} == set(tables)
    for cls in classes:
        table = tables[cls.__name__]
        assert list(table["properties"]) == [field.name for field in attrs.fields(cls)]
        assert all(field["description"].endswith(".") for field in table["properties"].values())
        assert table["required"] == sorted(f.name for f in attrs.fields(cls) if f.default is attrs.NOTHING)
        assert table["additionalProperties"] is False


def test_it_is_a_schema() -> None:
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$ref"] == f"#/$defs/{TreeFile.__name__}"


VALUES: list[Any] = [
    -1, 0, 1, 2.5, "", "a", "unlimited", "inline", "permanent", "wait", "log", "a:b", "A:b c", True,
    "none", "dynamic", "one_for_all", "a/b",
    [], ["a"], {}, {"a": 1}, {"a": "b"}, {"a": {}}, {"default": 1}, {"capacity": 1}, {"max_depth": "unlimited"}, {"within": 0},
    {"initial": 1}, [{"name": "c", "strategy": "dynamic"}], [{"name": "c", "factory": "a:b", "children": []}],
]  # fmt: skip


@pytest.mark.parametrize(
    "where",
    [
        "tree",
        "child",
        "defaults",
        "base",
        "profile",
        "parameter",
        "mailbox",
        "limits",
        "supervisor",
        "below",
        "backoff",
    ],
)
def test_schema_and_reader_accept_the_same(where: str) -> None:
    validator = jsonschema.Draft202012Validator(tree_schema())
    keys = {key for table in tree_schema()["$defs"].values() for key in table["properties"]} | {"other"}
    verdicts: set[bool] = set()
    for key in sorted(keys):
        for value in VALUES:
            tree: dict[str, Any] = {"name": "x", "children": [dict(CHILD)]}
            table: dict[str, Any] = {key: value}
            match where:
                case "tree":
                    tree |= table
                case "child":
                    tree["children"][0] |= table
                case "profile":
                    tree["profiles"] = {"p": table}
                case "parameter":
                    tree["parameters"] = {"p": table}
                case "supervisor":
                    tree["children"] = [{"name": "s", "children": [dict(CHILD)]} | table]
                case "below":
                    tree["children"] = [{"name": "s", "children": [dict(CHILD) | table]}]
                case "backoff":
                    tree["start_retry"] = tree["children"][0]["backoff"] = table
                case "mailbox":
                    tree["children"][0]["mailbox"] = table
                case _:
                    tree[where] = table
            verdict = reads(tree)
            verdicts.add(verdict)
            assert validator.is_valid(tree) is verdict, (where, key, value)
    assert verdicts == {True, False}
