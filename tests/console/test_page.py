"""The page about trees in files says what is so."""

import re
import sys
import tomllib
from pathlib import Path

import attrs
import pytest

from greenroom import ChildSpec, SupervisorSpec
from greenroom.treefile._imports import look_in
from greenroom.treefile._plan import make_plan
from greenroom.treefile._reader import structure_tree
from greenroom.treefile._treefile import BackoffTable, Child, Supervisor, TreeFile

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "trees.md").read_text(encoding="utf-8")
SHOP = "from greenroom import Actor\nclass Clerk(Actor):\n    def __init__(self, words, *, size, till): ...\n"


def test_the_example_is_a_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    (tmp_path / "shop.py").write_text(SHOP, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path])
    look_in(tmp_path)
    tree = structure_tree(tomllib.loads(found[1]), "shop.toml")
    for profile, timeout in ((None, 60.0), ("patient", None)):
        (clerk,) = make_plan(tree, tmp_path / "shop.toml", profile, {"till": "x"}).children
        assert isinstance(clerk, ChildSpec)
        assert clerk.args == ("good morning, how are you?",)
        assert clerk.kwargs == {"size": 2, "till": "x"}
        assert clerk.startup_timeout == timeout


def test_the_example_of_supervisors_is_a_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, block = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "shop_floor.py").write_text(
        "from greenroom import Actor\n"
        + "".join(f"class {name}(Actor): ...\n" for name in ("Store", "Clerk", "Queue", "Worker")),
        encoding="utf-8",
    )
    monkeypatch.setattr(sys, "path", [*sys.path])
    look_in(tmp_path)
    tree = structure_tree(tomllib.loads(block.replace("shop:", "shop_floor:")), "shop.toml")
    made = make_plan(tree, tmp_path / "shop.toml", None, {})
    _, counter, cache = made.children
    assert isinstance(counter, SupervisorSpec)
    assert isinstance(cache, SupervisorSpec)
    assert [(each.name, each.restart) for each in counter.children] == [("clerk", "transient"), ("queue", "transient")]
    assert (made.strategy, counter.strategy, cache.partitions) == ("rest_for_one", "one_for_all", 4)


def test_every_key_of_the_format_is_on_the_page() -> None:
    keys = {field.name for table in (Child, Supervisor, TreeFile, BackoffTable) for field in attrs.fields(table)}
    assert [
        key for key in sorted(keys) if f"`{key}`" not in PAGE and f"[{key}" not in PAGE and f"\n{key} =" not in PAGE
    ] == []
