"""Erlang's `pg`, rule by rule, as its documentation states them."""

from typing import Any, Final

import pytest
import trio.testing

from greenroom import Actor, ActorRef, ActorStopped, Context, Joined, Left, Listing, Membership, open_supervisor

#: Rules that have no meaning here, and why.
NO_MEANING: Final[dict[str, str]] = {
    "start, start_link, and scopes": "each tree has its groups, which are there before its first actor; a tree is the scope",
    "get_local_members, and processes of other nodes": "a tree is on one node, and all members are local",
    "eventual consistency, views that differ from node to node": "there is one view, and each change of it is one step",
    "join and leave with a list of processes": "one call for each; between two plain calls nobody else runs, so nobody sees half of it",
    "demonitor with flush": "leaving the block of a feed ends it, and nothing of it is in anybody's mailbox",
}


class Notes(Actor[Any]):
    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Exception):
            raise message
        self.log.append((ctx.ref.name, message))


async def start(root: Any, log: list[Any] | None = None, **options: Any) -> ActorRef[Any]:
    ref: ActorRef[Any] = await root.start(Notes, [] if log is None else log, **options)
    return ref


async def test_a_group_is_made_by_who_joins_it_first() -> None:
    """Source: Erlang pg, groups — a group is created when the first process joins."""
    async with open_supervisor("stage") as root:
        assert root.groups.which_groups() == []
        root.groups.join("g", await start(root))
        assert root.groups.which_groups() == ["g"]


async def test_a_group_is_gone_with_its_last_member() -> None:
    """Source: Erlang pg, groups — a group is removed when no process is left in it."""
    async with open_supervisor("stage") as root:
        one, two = await start(root), await start(root)
        for ref in (one, two):
            root.groups.join("g", ref)
        root.groups.leave("g", one)
        assert root.groups.which_groups() == ["g"]
        root.groups.leave("g", two)
        assert root.groups.which_groups() == []


async def test_a_process_may_join_many_groups() -> None:
    """Source: Erlang pg, join/2 — one process may be in many groups."""
    async with open_supervisor("stage") as root:
        ref = await start(root)
        for group in ("g", "h"):
            root.groups.join(group, ref)
        assert root.groups.members("g") == root.groups.members("h") == [ref]


async def test_a_process_may_join_one_group_several_times_and_has_to_leave_as_often() -> None:
    """Source: Erlang pg, join/2 — a process may join a group many times, and must then leave it the same number of times."""
    async with open_supervisor("stage") as root:
        ref = await start(root)
        for _ in range(2):
            root.groups.join("g", ref)
        assert root.groups.members("g") == [ref, ref]
        root.groups.leave("g", ref)
        assert root.groups.members("g") == [ref]
        root.groups.leave("g", ref)
        assert root.groups.members("g") == []


async def test_leaving_a_group_that_one_is_not_in_says_so() -> None:
    """Source: Erlang pg, leave/2 — not_joined if the process is not a member.

    Departs: it returns False; in either way nothing is changed.
    """
    async with open_supervisor("stage") as root:
        one, two = await start(root), await start(root)
        root.groups.join("g", one)
        assert root.groups.leave("g", two) is False
        assert root.groups.leave("none", one) is False
        assert root.groups.members("g") == [one]


async def test_the_members_of_a_group_that_is_not_there_are_none() -> None:
    """Source: Erlang pg, get_members/1 — an empty list for a group that does not exist.

    Departs: members come in the order in which they joined, which pg does not promise.
    """
    async with open_supervisor("stage") as root:
        assert root.groups.members("none") == []


async def test_a_member_that_ends_leaves_all_its_groups() -> None:
    """Source: Erlang pg, membership — a process that terminates is removed from the groups that it has joined, however often."""
    async with open_supervisor("stage") as root:
        one, two = await start(root), await start(root)
        for group in ("g", "g", "h"):
            root.groups.join(group, one)
        root.groups.join("g", two)
        one.tell(OSError())
        await one.wait_stopped()
        assert root.groups.members("g") == [two]
        assert root.groups.which_groups() == ["g"]
        root.reports.drain()


async def test_a_process_that_is_restarted_is_another_and_joins_anew() -> None:
    """Source: Erlang pg, membership — it is of the process; the one that a supervisor starts in its place is not a member."""
    async with open_supervisor("stage") as root:
        ref = await start(root, restart="permanent")
        root.groups.join("g", ref)
        ref.tell(OSError())
        await trio.testing.wait_all_tasks_blocked()
        assert (ref.lifecycle, ref.incarnation) == ("ready", 2)
        assert root.groups.members("g") == []
        root.reports.drain()


async def test_any_term_that_is_a_key_names_a_group() -> None:
    """Source: Erlang pg, group names — any term.

    Departs: what the registry takes for a key, so that no comparison of the user's runs inside.
    """
    async with open_supervisor("stage") as root:
        ref = await start(root)
        for group in ("g", 1, 1.0, ("room", 3), None):
            root.groups.join(group, ref)
        assert len(root.groups.which_groups()) == 5
        bad: Any = ["g"]
        with pytest.raises(TypeError, match="no key"):
            root.groups.join(bad, ref)


async def test_a_message_can_be_sent_to_all_members() -> None:
    """Source: Erlang pg, description — a message can be sent to one, some or all members; there is no function for it, clients use the members.

    Departs: `publish` does it, once for each member, and says what has become of it.
    """
    async with open_supervisor("stage") as root:
        log: list[Any] = []
        refs = [await start(root, log, name=name) for name in ("a", "b", "c")]
        for ref in refs[:2]:
            root.groups.join("g", ref)
        told = root.groups.publish("g", "hello")
        assert (list(told.delivered), dict(told.refused)) == (refs[:2], {})
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(log) == [("a", "hello"), ("b", "hello")]


async def test_only_processes_that_are_there_join() -> None:
    """Source: Erlang pg, join/2 — only local processes may join; one that is dead is removed at once.

    Departs: one that has ended is refused.
    """
    async with open_supervisor("stage") as root, open_supervisor("other") as other:
        ref = await start(root)
        await ref.stop()
        with pytest.raises(ActorStopped):
            root.groups.join("g", ref)
        with pytest.raises(ValueError, match="another tree"):
            root.groups.join("g", await start(other))
        assert root.groups.which_groups() == []


async def test_who_monitors_the_scope_gets_what_there_is_and_then_each_change() -> None:
    """Source: Erlang pg, monitor_scope/0 — the current groups with their members, and from then on a message for each join and leave."""
    async with open_supervisor("stage") as root:
        one, two = await start(root), await start(root)
        root.groups.join("g", one)
        async with root.groups.subscribe() as feed:
            root.groups.join("h", two)
            root.groups.leave("g", one)
            assert [await anext(feed) for _ in range(3)] == [
                Listing((Membership("g", one),)),
                Joined(Membership("h", two)),
                Left(Membership("g", one)),
            ]


async def test_who_monitors_a_group_hears_of_that_group_alone_and_it_need_not_be_there_yet() -> None:
    """Source: Erlang pg, monitor/1 — the members of a group, then its joins and leaves; the group may be empty."""
    async with open_supervisor("stage") as root:
        ref = await start(root)
        async with root.groups.subscribe("h") as feed:
            root.groups.join("g", ref)
            root.groups.join("h", ref)
            assert [await anext(feed) for _ in range(2)] == [Listing(()), Joined(Membership("h", ref))]


async def test_who_monitors_hears_of_a_member_that_ends_as_of_one_that_leaves() -> None:
    """Source: Erlang pg, monitor/1 — the end of a member is told as its leaving, as often as it had joined."""
    async with open_supervisor("stage") as root:
        ref = await start(root)
        for _ in range(2):
            root.groups.join("g", ref)
        async with root.groups.subscribe() as feed:
            await anext(feed)
            await ref.kill()
            assert [await anext(feed) for _ in range(2)] == [Left(Membership("g", ref))] * 2


async def test_two_who_monitor_hear_the_same_and_neither_of_what_comes_after_its_end() -> None:
    """Source: Erlang pg, demonitor/1 — each monitor is one of its own; after its end nothing is told any more."""
    async with open_supervisor("stage") as root:
        ref = await start(root)
        async with root.groups.subscribe() as one:
            async with root.groups.subscribe() as two:
                root.groups.join("g", ref)
            root.groups.join("h", ref)
            assert [type(await anext(one)) for _ in range(3)] == [Listing, Joined, Joined]
        assert [type(each) async for each in two] == [Listing, Joined]
