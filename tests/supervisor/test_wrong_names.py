"""Wrong names and paths, where a child is looked for: who gives one is told what is one."""

from collections.abc import Awaitable
from typing import Any

import pytest

from greenroom import ChildNotFound, Supervisor
from greenroom.testing import open_tree

from .failing import Plain

NO_STRINGS: list[Any] = [[], {}, set[str](), ["a"], {"a": 1}, None, 3, 2.5, True, b"a", ("a",), object(), Plain]
NAMES = ["", "A", "a b", "ä", "a" * 65, ".", "..", "a.b", "*", "a\n"]
STEPS: list[Any] = [
    Supervisor.terminate_child,
    Supervisor.restart_child,
    Supervisor.delete_child,
    Supervisor.child_spec,
    Supervisor.which_child,
]  # fmt: skip
LOOKUPS: list[Any] = [Supervisor.lookup, Supervisor.lookup_supervisor, Supervisor.background]


async def done(outcome: Any) -> None:
    if isinstance(outcome, Awaitable):
        await outcome


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
async def test_what_is_no_string_is_no_childs_name(step: Any) -> None:
    async with open_tree("stage") as root:
        root.start_soon(Plain, [], name="a")
        for name in NO_STRINGS:
            with pytest.raises(TypeError, match=r"^name: .* is no name of a child; give a string") as caught:
                await done(step(root, name))
            assert repr(name) in str(caught.value)
        with pytest.raises(TypeError, match=r"give a string: of a ref it is `ref\.name`"):
            await done(step(root, root.lookup("a")))
        assert [ref.name for ref in root.which_children()] == ["a"]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
async def test_of_what_can_be_no_name_nobody_is_there_and_it_is_told_what_a_name_is(step: Any) -> None:
    async with open_tree("stage") as root:
        root.start_soon(Plain, [], name="a")
        for name in NAMES:
            with pytest.raises(ChildNotFound) as caught:
                await done(step(root, name))
            text = f"/stage/{name}: not found (a name has 1 to 64 of the characters a-z, 0-9, _ and -); there is a"
            assert str(caught.value) == text
        for path in ("/stage/a", "a/b", "/"):
            with pytest.raises(ChildNotFound, match=r"a child's name has no '/' in it; .*lookup_supervisor"):
                await done(step(root, path))
        with pytest.raises(ChildNotFound, match=r"^/stage/b: not found; there is a$"):
            await done(step(root, "b"))


@pytest.mark.parametrize("step", LOOKUPS, ids=lambda step: step.__name__)
async def test_what_is_no_string_is_no_path(step: Any) -> None:
    async with open_tree("stage") as root:
        root.start_soon(Plain, [], name="a")
        for path in NO_STRINGS:
            with pytest.raises(TypeError, match=r"^path: .* is no path; give a string, absolute \('/stage/team/a'\)"):
                step(root, path)
        with pytest.raises(TypeError, match=r"of a ref it is `ref\.path`"):
            step(root, root.lookup("a"))
        with pytest.raises(ChildNotFound, match=r"^'': not found \(a path has a name in it\); there is a$"):
            step(root, "")
