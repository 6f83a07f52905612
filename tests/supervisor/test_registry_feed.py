"""Feeds of the registry and of groups: what there is, then each change, and a new listing when some were dropped."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorRef,
    ChangeFeed,
    ChildSpec,
    Context,
    Joined,
    KeyInUse,
    Left,
    LimitReached,
    Limits,
    Listing,
    Membership,
    Registered,
    Registration,
    SupervisorSpec,
    Unregistered,
    ValueChanged,
    open_supervisor,
)
from greenroom.testing import open_tree

Log = list[Any]


class Quiet(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> Any:
        pass


def entry(key: Any, ref: ActorRef[Any], value: Any = None, *, of_slot: bool = False) -> Registration:
    return Registration(key, ref, value, duplicate=False, of_slot=of_slot)


async def read(feed: ChangeFeed[Any]) -> Log:
    """Return what waits in a feed."""
    found: Log = []
    while True:
        with trio.move_on_after(0.001) as scope:
            found.append(await anext(feed))
        if scope.cancelled_caught:
            return found


async def test_a_feed_begins_with_what_there_is_and_goes_on_with_each_change_in_order() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet, keys=["spec"])
        root.registry.register("a", ref, 1)
        async with root.registry.subscribe() as feed:
            root.registry.register("b", ref, 2)
            root.registry.update_value("a", ref, lambda n: n + 1)
            root.registry.unregister("a", ref)
            assert await read(feed) == [
                Listing((entry("spec", ref, of_slot=True), entry("a", ref, 1))),
                Registered(entry("b", ref, 2)),
                ValueChanged(entry("a", ref, 2)),
                Unregistered(entry("a", ref, 2)),
            ]
            await ref.stop()
            assert await read(feed) == [
                Unregistered(entry("spec", ref, of_slot=True)),
                Unregistered(entry("b", ref, 2)),
            ]
            assert feed.missed == 0


async def test_a_feed_of_one_key_tells_of_that_key_alone_and_none_is_a_key() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet)
        async with root.registry.subscribe(None) as none, root.registry.subscribe(1) as one:
            for key in (None, 1, 1.0, True):
                root.registry.register(key, ref)
            assert await read(none) == [Listing(()), Registered(entry(None, ref))]
            [_, change] = await read(one)
            assert type(change.registration.key) is int


async def test_a_slow_reader_delays_nobody_and_reads_a_new_listing_with_how_much_was_dropped() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet)
        async with root.registry.subscribe(buffer=3) as feed:
            for number in range(3):
                root.registry.register(number, ref)
            assert feed.missed == 0
            root.registry.register(3, ref)
            assert feed.missed == 4
            root.registry.unregister(0, ref)
            assert feed.missed == 5
            assert len(feed._items) == 0
            assert await read(feed) == [Listing(tuple([entry(number, ref) for number in (1, 2, 3)]), missed=5)]
            root.registry.register(4, ref)
            assert await read(feed) == [Registered(entry(4, ref))]
            for number in range(5, 100):
                root.registry.register(number, ref)
            [listing] = await read(feed)
            assert (len(listing.entries), listing.missed, feed.missed) == (99, 95, 100)


async def test_a_feed_that_keeps_up_may_go_on_for_ever_with_a_small_buffer() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet)
        async with root.registry.subscribe(buffer=1) as feed:
            await anext(feed)
            for number in range(50):
                root.registry.register(number, ref)
                assert await anext(feed) == Registered(entry(number, ref))
            assert feed.missed == 0


async def test_a_reader_that_is_cancelled_loses_nothing() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet)
        async with root.registry.subscribe() as feed:
            root.registry.register("a", ref)
            with trio.CancelScope() as scope:
                scope.cancel()
                await anext(feed)
            assert scope.cancelled_caught
            assert await read(feed) == [Listing(()), Registered(entry("a", ref))]
            with trio.move_on_after(1):
                await anext(feed)
            root.registry.register("b", ref)
            assert await anext(feed) == Registered(entry("b", ref))


async def test_reading_is_a_checkpoint_and_subscribing_is_none() -> None:
    async with open_tree("stage") as root:
        for subscribe in (root.registry.subscribe, root.groups.subscribe):
            with trio.testing.assert_no_checkpoints():
                manager = subscribe()
                feed = await manager.__aenter__()
            with trio.testing.assert_checkpoints():
                await anext(feed)
            with trio.testing.assert_no_checkpoints():
                await manager.__aexit__(None, None, None)


async def test_a_feed_ends_when_the_tree_has_ended_after_all_that_it_holds() -> None:
    read_: dict[str, Log] = {"registry": [], "groups": []}

    async def follow(name: str, subscribe: Any, *, task_status: Any) -> None:
        async with subscribe() as feed:
            task_status.started()
            async for change in feed:
                read_[name].append(change)

    async with trio.open_nursery() as nursery, open_supervisor("stage") as root:
        registry, groups = root.registry, root.groups
        await nursery.start(follow, "registry", registry.subscribe)
        await nursery.start(follow, "groups", groups.subscribe)
        ref = await root.start(Quiet, keys=["a"])
        groups.join("g", ref)
    assert [type(each) for each in read_["registry"]] == [Listing, Registered, Unregistered]
    assert [type(each) for each in read_["groups"]] == [Listing, Joined, Left]
    async with registry.subscribe() as late, groups.subscribe() as late_too:
        assert [each async for each in late] == [Listing(())]
        assert [each async for each in late_too] == [Listing(())]


async def test_a_feed_that_dropped_changes_ends_with_the_last_listing() -> None:
    async with open_supervisor("stage") as root:
        manager = root.registry.subscribe(buffer=1)
        feed = await manager.__aenter__()
        for number in range(3):
            await root.start(Quiet, keys=[number])
    assert [each async for each in feed] == [Listing((), missed=6)]
    await manager.__aexit__(None, None, None)


async def test_after_the_block_nothing_is_told_any_more_and_the_feed_is_over() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet)
        async with root.registry.subscribe() as feed:
            pass
        root.registry.register("a", ref)
        assert root.registry._table._feeds == {}
        assert [each async for each in feed] == [Listing(())]


async def test_groups_are_followed_as_keys_are() -> None:
    async with open_tree("stage") as root:
        one, two = await root.start(Quiet), await root.start(Quiet)
        root.groups.join("g", one)
        async with root.groups.subscribe() as feed, root.groups.subscribe("h") as other:
            root.groups.join("g", two)
            root.groups.join("h", two)
            root.groups.leave("g", one)
            await two.stop()
            assert await read(feed) == [
                Listing((Membership("g", one),)),
                Joined(Membership("g", two)),
                Joined(Membership("h", two)),
                Left(Membership("g", one)),
                Left(Membership("g", two)),
                Left(Membership("h", two)),
            ]
            assert [type(each) for each in await read(other)] == [Listing, Joined, Left]


async def test_who_is_told_of_an_end_finds_the_key_free() -> None:
    seen: Log = []

    async def follow(ctx: Context) -> None:
        async with ctx.registry.subscribe() as feed:
            async for change in feed:
                if isinstance(change, Unregistered):
                    seen.append((ctx.registry.lookup(change.registration.key), change.registration.ref.lifecycle))

    async with open_tree("stage") as root:
        follower = await root.start(follow)
        ref = await root.start(Quiet, keys=["a"])
        await trio.testing.wait_all_tasks_blocked()
        await ref.kill()
        await trio.testing.wait_all_tasks_blocked()
        assert seen == [([], "stopped")]
        await follower.kill()


@pytest.mark.parametrize("bad", [0, -1, 1.0, "1", True, None, [], float("nan"), b"1", ...], ids=repr)
async def test_a_buffer_that_is_no_number_of_changes_is_refused(bad: Any) -> None:
    async with open_tree("stage") as root:
        for subscribe in (root.registry.subscribe, root.groups.subscribe):
            with pytest.raises(ValueError, match="give a whole number from 1"):
                async with subscribe(buffer=bad):
                    pass
        assert root.registry._table._feeds == root.groups._table._feeds == {}


async def test_a_set_that_is_taken_back_is_never_told_of_and_one_that_stays_is_told_of_in_order() -> None:
    async with open_tree("stage", limits=Limits(max_actors=6)) as root:
        taken = await root.start(Quiet, keys=["taken"])
        wanted = [ChildSpec(name, Quiet, keys=[name]) for name in ("a", "b")]
        async with root.registry.subscribe() as feed, root.registry.subscribe("a") as of_a:
            both = [await read(feed), await read(of_a)]
            assert both == [[Listing((entry("taken", taken, of_slot=True),))], [Listing(())]]
            with pytest.raises(KeyInUse):
                root.start_supervisor("team", [*wanted, ChildSpec("c", Quiet, keys=["c", "taken"])], keys=["team"])
            with pytest.raises(LimitReached):
                root.start_supervisor("team", [*wanted, *(ChildSpec(f"d{n}", Quiet) for n in range(3))], keys=["team"])
            inner = SupervisorSpec("inner", [ChildSpec("c", Quiet, keys=["taken"])], keys=["inner"])
            with pytest.raises(KeyInUse):
                root.start_supervisor("team", [*wanted, inner])
            assert (await read(feed), await read(of_a), feed.missed) == ([], [], 0)
            team = root.start_supervisor("team", wanted, keys=["team"])
            told = [entry(name, team.lookup(name), of_slot=True) for name in ("a", "b")]
            assert await read(feed) == [Registered(each) for each in (entry("team", team.ref, of_slot=True), *told)]
            assert await read(of_a) == [Registered(told[0])]
            await team.lookup("a").stop()  # which parks it
            team.delete_child("a")
            assert await read(of_a) == [Unregistered(told[0])]
