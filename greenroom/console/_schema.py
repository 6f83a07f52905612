"""The JSON schema of the tree format, made from the classes that read it: for editors, and for who writes trees by program."""

import inspect
import json
from typing import Any, get_args, get_origin

import attrs

from ..treefile._reader import is_child, kind_of, strip_absent, table_and_kind
from ..treefile._treefile import OF_SUPERVISORS, Child, Supervisor, TreeFile


def tree_schema() -> dict[str, Any]:
    """Return the schema, as plain data."""
    definitions: dict[str, Any] = {}
    reference = _schema(TreeFile, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "greenroom tree",
        **reference,
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """Return the schema as text."""
    return json.dumps(tree_schema(), indent=2) + "\n"


def _schema(tp: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    kind = kind_of(tp)
    if kind is not None:
        return dict(kind.schema)
    if is_child(tp):
        one, other = (_schema(each, definitions) for each in (Child, Supervisor))
        is_supervisor = {
            "not": {"required": ["factory"]},
            "anyOf": [{"required": [key]} for key in sorted(OF_SUPERVISORS)],
        }
        return {"if": {"type": "object", **is_supervisor}, "then": other, "else": one}
    either = table_and_kind(tp)
    if either is not None:
        return {"anyOf": [_schema(either[0], definitions), dict(either[1].schema)]}
    if attrs.has(tp):
        name = tp.__name__
        if name not in definitions:
            definitions[name] = {}  # before its fields are looked at: a table may hold tables of its own class
            definitions[name].update(_table(tp, definitions))
        return {"$ref": f"#/$defs/{name}"}
    origin, arguments = get_origin(tp), get_args(tp)
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    assert origin is dict, tp
    return {
        "type": "object",
        "propertyNames": _schema(arguments[0], definitions),
        "additionalProperties": _schema(arguments[1], definitions),
    }


def _table(cls: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    attrs.resolve_types(cls, include_extras=True)
    properties: dict[str, Any] = {}
    for field in attrs.fields(cls):
        properties[field.name] = {
            "description": field.metadata["says"],
            **_schema(strip_absent(field.type), definitions),
        }
    return {
        "type": "object",
        "description": (inspect.getdoc(cls) or "").partition("\n")[0],
        "properties": properties,
        "required": sorted(field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING),
        "additionalProperties": False,
    }
