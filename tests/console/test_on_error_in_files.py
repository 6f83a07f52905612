from pathlib import Path
from typing import Any

import pytest

from greenroom import Agent, ChildSpec, Context, Turn
from greenroom.supervisor._reading import policy_of_spec
from greenroom.treefile._plan import make_plan
from greenroom.treefile._problem import InvalidInput
from greenroom.treefile._reader import structure_tree


class Empty(LookupError):
    pass


class Worker(Agent[str]):
    async def turn(self, turn: Turn[str], ctx: Context) -> None:
        """Do nothing."""


async def function(ctx: Context) -> None:
    """Do nothing."""


NOT_A_CLASS = 5


def children_of(*, factory: str = "Worker", child: Any = None, **tree: Any) -> tuple[ChildSpec, ...]:
    data: dict[str, Any] = {
        "name": "x",
        **tree,
        "children": [{"name": "a", "factory": f"{__name__}:{factory}", **(child or {})}],
    }
    children = make_plan(structure_tree(data, "tree.toml"), Path("tree.toml"), None, {}).children
    return tuple(each for each in children if isinstance(each, ChildSpec))


def test_rows_are_built_in_names_and_import_paths_in_the_order_of_the_file() -> None:
    table = {f"{__name__}:Empty": "stop", "LookupError": "resume", "Exception": "escalate"}
    (spec,) = children_of(child={"on_error": table})
    assert policy_of_spec(spec).on_error == ((Empty, "stop"), (LookupError, "resume"), (Exception, "escalate"))


def test_a_table_comes_as_a_whole_from_the_first_level_that_gives_one() -> None:
    levels: dict[str, Any] = {
        "defaults": {"on_error": {"OSError": "resume"}},
        "base": {"on_error": {"ValueError": "stop"}},
    }
    assert policy_of_spec(children_of(**levels)[0]).on_error == ((OSError, "resume"),)
    assert policy_of_spec(children_of(child={"on_error": {"KeyError": "stop"}}, **levels)[0]).on_error == (
        (KeyError, "stop"),
    )
    assert policy_of_spec(children_of(child={"on_error": {}}, **levels)[0]).on_error == ()
    assert policy_of_spec(children_of()[0]).on_error == ()


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (
            {"OsError": "stop"},
            "children[0].on_error.OsError: there is no built-in exception class 'OsError'; did you mean 'OSError'?",
        ),
        ({"int": "stop"}, "is no exception class"),
        ({"print": "stop"}, "is no exception class"),
        ({"KeyboardInterrupt": "stop"}, "KeyboardInterrupt is not an actor's to handle"),
        ({"BaseException": "stop"}, "BaseException is not an actor's to handle"),
        ({"trio:Cancelled": "stop"}, "a cancellation is its scope's"),
        ({f"{__name__}:Emtpy": "stop"}, "has no 'Emtpy'; did you mean 'Empty'?"),
        ({"no_such_module_here:A": "stop"}, "no_such_module_here"),
        ({f"{__name__}:NOT_A_CLASS": "stop"}, "5 is no exception class"),
        ({"Exception": "stop", "OSError": "resume"}, "OSError is covered by the earlier row of Exception"),
    ],
)
def test_a_wrong_row_is_told_with_its_place(table: dict[str, str], text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        children_of(child={"on_error": table})
    assert text in str(caught.value)


def test_what_has_no_meaning_for_a_function_is_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        children_of(
            factory="function", child={"on_error": {"OSError": "resume"}, "handler_timeout": 5, "on_overdue": "cancel"}
        )
    assert "nothing to resume" in str(caught.value)
    assert "on_overdue: function is a function" in str(caught.value)
    (spec,) = children_of(
        factory="function", child={"on_error": {"OSError": "stop"}, "handler_timeout": 5, "on_overdue": "restart"}
    )
    assert policy_of_spec(spec).on_error == ((OSError, "stop"),)
