"""Elixir's PartitionSupervisor: n copies of one child, and a key that leads to one of them."""

from typing import Any

import pytest

from greenroom import ChildSpec, InvalidSpec, Supervisor, SupervisorSpec, open_supervisor
from greenroom.testing import Tree

from .cast import Incarnation, Player, Stage, counts, crash, incarnations, names

NO_MEANING = {
    "child_spec uses the name as id": "specifications are data; nothing makes them of a module",
    "start_link/1 with a via name": "names besides paths are the registry's",
}


def numbered(args: tuple[Any, ...], index: int) -> tuple[Any, ...]:
    return (args[0], index)


async def open_partitions(tree: Tree, child: Any, partitions: int, **options: Any) -> Supervisor:
    cache = tree.start_supervisor("cache", [child], partitions=partitions, **options)
    await cache.wait_ready()
    return cache


class Numbered(Player):
    def __init__(self, stage: Stage, number: int) -> None:
        super().__init__(stage)
        self.number = number

    async def receive(self, message: Any, ctx: Any) -> Any:
        if message == "number":
            self.stage.log.append(f"{ctx.ref.name} is number {self.number}")
            return None
        return await super().receive(message, ctx)


async def test_there_are_as_many_copies_as_said(tree: Tree, stage: Stage) -> None:
    """Source: Elixir PartitionSupervisor, which_children/1 returns all partitions — each partition is a child, in order.

    Departs: the number has to be said; there are no schedulers to count.
    """
    cache = await open_partitions(tree, ChildSpec("worker", Player, (stage,)), 3)
    assert cache.partitions == 3
    assert names(cache) == ["worker-0", "worker-1", "worker-2"]
    assert counts(cache) == (3, 3, 0, 3)
    assert [cache.partition(n) for n in range(3)] == cache.which_children()


async def test_a_partition_may_be_a_supervisor_under_which_children_start(tree: Tree, stage: Stage) -> None:
    """Source: Elixir PartitionSupervisor, start_link/1 on success; count_children/1 with supervisors — a key leads to a supervisor; all children
    are there.
    """
    cache = await open_partitions(tree, SupervisorSpec("pool", strategy="dynamic"), 4)
    assert counts(cache) == (4, 4, 4, 0)
    assert names(cache) == [f"pool-{n}" for n in range(4)]
    started = [f"child-{n}" for n in range(100)]
    for name in started:
        pool = tree.lookup_supervisor(cache.partition(name).path)
        await pool.start(Player, stage, name=name)
    found = [child.name for pool in cache.snapshot().children for child in pool.children]
    assert sorted(found) == sorted(started)
    assert all(pool.children for pool in cache.snapshot().children)


async def test_count_children_counts_the_partitions(tree: Tree, stage: Stage) -> None:
    """Source: Elixir PartitionSupervisor, count_children/1 with workers — specs, active and workers are as many as partitions."""
    cache = await open_partitions(tree, ChildSpec("worker", Player, (stage,)), 5)
    assert counts(cache) == (5, 5, 0, 5)


async def test_each_copy_can_have_arguments_of_its_own(tree: Tree, stage: Stage) -> None:
    """Source: Elixir PartitionSupervisor, with_arguments — a function of arguments and partition gives each its own; a number leads to itself
    modulo n.
    """
    cache = await open_partitions(
        tree,
        ChildSpec("worker", Numbered, (stage, -1)),
        3,
        with_arguments=numbered,
    )
    for key in (0, 1, 2, 3, -1):
        await cache.partition(key).ask(Incarnation())
        cache.partition(key).tell("number")
        await cache.partition(key).ask(Incarnation())
    said = [line for line in stage.log if "number" in line]
    assert said == [f"worker-{n} is number {n}" for n in (0, 1, 2, 0, 2)]


async def test_a_negative_number_leads_to_its_remainder(tree: Tree, stage: Stage) -> None:
    """Source: Elixir PartitionSupervisor, with_arguments — a key of -1.

    Departs: the remainder is Python's, which is never negative: -1 of 3 leads to partition 2; Elixir takes the absolute value, 1.
    """
    cache = await open_partitions(tree, ChildSpec("worker", Player, (stage,)), 3)
    assert cache.partition(-1).name == "worker-2"


async def test_a_key_that_is_no_number_leads_to_the_same_copy_in_every_run(tree: Tree, stage: Stage) -> None:
    """Source: Elixir PartitionSupervisor, routing — other keys are hashed, so that a key always leads to the same partition.

    Departs: it is the CRC32 of the key with its type, the same in every run; keys of different types are different keys.
    """
    cache = await open_partitions(tree, ChildSpec("worker", Player, (stage,)), 7)
    keys = [f"user {n}" for n in range(200)]
    reached = [cache.partition(key).name for key in keys]
    assert reached == [cache.partition(key).name for key in keys]
    assert set(reached) == set(names(cache))
    assert cache.partition("user 1") is cache.partition("user 1")


async def test_a_copy_that_fails_is_restarted_alone_and_is_reached_again(tree: Tree, stage: Stage) -> None:
    """Source: Elixir PartitionSupervisor, strategy — one_for_one unless said otherwise: the partitions are independent."""
    cache = await open_partitions(tree, ChildSpec("worker", Player, (stage,)), 3)
    await crash(cache.partition(1))
    assert incarnations(cache) == {"worker-0": 1, "worker-1": 2, "worker-2": 1}
    assert await cache.partition(1).ask(Incarnation()) == 2


async def test_stopping_them_is_synchronous(tree: Tree, stage: Stage) -> None:
    """Source: Elixir PartitionSupervisor, stop/1 is synchronous — when it returns all partitions have ended."""
    cache = await open_partitions(tree, ChildSpec("worker", Player, (stage,)), 3, restart="temporary")
    await cache.ref.stop()
    assert sorted(stage.said("has closed")) == ["worker-0", "worker-1", "worker-2"]
    assert names(tree) == []


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"partitions": 0}, "partitions"),
        ({"partitions": -1}, "partitions"),
        ({"partitions": 1.5}, "partitions"),
        ({"partitions": 2, "with_arguments": 123}, "with_arguments"),
        ({"with_arguments": numbered}, "with_arguments"),
    ],
)
async def test_wrong_options_are_refused(stage: Stage, options: dict[str, Any], word: str) -> None:
    """Source: Elixir PartitionSupervisor, start_link/1 raises on bad partitions; start_link/1 raises on bad with_arguments — each by name and
    value.
    """
    with pytest.raises(InvalidSpec, match=word):
        async with open_supervisor(
            "test", children=[SupervisorSpec("cache", [ChildSpec("worker", Player, (stage,))], **options)]
        ):
            raise AssertionError
    assert stage.log == []


@pytest.mark.parametrize("many", [0, 2])
async def test_there_is_one_specification_to_copy(stage: Stage, many: int) -> None:
    """Source: Elixir PartitionSupervisor, start_link/1 raises without child_spec — it needs the one child that it makes copies of.

    Departs: a name of its own is its place in the tree, and always there.
    """
    children = [ChildSpec(f"worker{n}", Player, (stage,)) for n in range(many)]
    with pytest.raises(InvalidSpec):
        async with open_supervisor("test", children=[SupervisorSpec("cache", children, partitions=3)]):
            raise AssertionError
