"""Elixir's `Registry`, rule by rule, as its documentation states them."""

from typing import Any, Final

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorRef,
    ActorStopped,
    Context,
    InvalidSpec,
    KeyInUse,
    Listing,
    NotRegistered,
    Registered,
    Registration,
    RegistryKey,
    Unregistered,
    open_supervisor,
)

#: Rules that have no meaning here, and why.
NO_MEANING: Final[dict[str, str]] = {
    "start_link, child_spec, the name of a registry": "each tree has one, there before its first actor and ended with it",
    "{:duplicate, :key | :pid}, partitions, compressed": "how entries are spread over ETS tables; here is one process",
    "meta, put_meta, delete_meta": "settings of a named registry; a program keeps its own where it keeps the tree",
    "lock": "a step without a checkpoint is not interrupted by anybody, so there is nothing to lock",
    "send through {:via, Registry, ...}": "whereis gives the ref, and `tell` and `ask` are its methods",
    "match specifications and guards as data": "patterns over terms; a predicate is a Python function",
    "dispatch with parallel: true": "one task per partition; there are no partitions",
    "an entry may outlive its process for a moment": "entries go in the step in which the end becomes visible",
}


class Plain(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Exception):
            raise message
        return message(ctx)


async def start(root: Any) -> ActorRef[Any]:
    ref: ActorRef[Any] = await root.start(Plain)
    return ref


settle = trio.testing.wait_all_tasks_blocked


async def test_a_unique_key_points_to_no_process_or_to_one() -> None:
    """Source: Elixir Registry, unique keys — a key of a unique registry belongs to one process at most.

    Departs: uniqueness is said of each registration, not of the whole registry, so one registry serves for both kinds.
    """
    async with open_supervisor("stage") as root:
        one, two = await start(root), await start(root)
        assert root.registry.lookup("k") == []
        root.registry.register("k", one)
        with pytest.raises(KeyInUse):
            root.registry.register("k", two)
        assert [each.ref for each in root.registry.lookup("k")] == [one]


async def test_a_duplicate_key_points_to_any_number_of_processes() -> None:
    """Source: Elixir Registry, duplicate keys — any number of processes may have registered under one key."""
    async with open_supervisor("stage") as root:
        refs = [await start(root) for _ in range(3)]
        for ref in refs:
            root.registry.register("k", ref, duplicate=True)
        assert [each.ref for each in root.registry.lookup("k")] == refs


async def test_different_keys_may_identify_one_process() -> None:
    """Source: Elixir Registry, keys — one process may have registered under many keys."""
    async with open_supervisor("stage") as root:
        ref = await start(root)
        for key in ("a", "b"):
            root.registry.register(key, ref)
        assert root.registry.whereis("a") is root.registry.whereis("b") is ref


async def test_keys_are_compared_strictly() -> None:
    """Source: Elixir Registry, comparison — keys match by ===, so 1 and 1.0 are different keys."""
    async with open_supervisor("stage") as root:
        one, two = await start(root), await start(root)
        root.registry.register(1, one)
        root.registry.register(1.0, two)
        assert (root.registry.whereis(1), root.registry.whereis(1.0), root.registry.whereis(True)) == (one, two, None)


async def test_register_registers_the_calling_process_with_a_value() -> None:
    """Source: Elixir Registry, register/3 — the current process is registered under the key, with a value.

    Departs: whoever holds a ref may also register its actor from outside, since not all code here runs in an actor.
    """
    async with open_supervisor("stage") as root:
        ref = await start(root)

        def register(ctx: Context) -> None:
            ctx.register("k", "value")

        ref.tell(register)
        await settle()
        assert root.registry.lookup("k") == [Registration("k", ref, "value", duplicate=False, of_slot=False)]


async def test_registering_a_unique_key_twice_says_who_has_it_even_if_it_is_oneself() -> None:
    """Source: Elixir Registry, register/3 — {:error, {:already_registered, pid}} for a unique key that is taken, also by the caller.

    Departs: it is raised, with the holder.
    """
    async with open_supervisor("stage") as root:
        ref = await start(root)
        root.registry.register("k", ref, 1)
        with pytest.raises(KeyInUse) as caught:
            root.registry.register("k", ref, 2)
        assert caught.value.holder is ref
        assert root.registry.values("k", ref) == [1]


async def test_one_process_may_register_a_duplicate_key_several_times() -> None:
    """Source: Elixir Registry, register/3 — in a duplicate registry the same process may register the same key more than once."""
    async with open_supervisor("stage") as root:
        ref = await start(root)
        for value in (1, 2):
            root.registry.register("k", ref, value, duplicate=True)
        assert [each.value for each in root.registry.lookup("k")] == [1, 2]


async def test_unregister_removes_all_entries_of_the_process_under_the_key() -> None:
    """Source: Elixir Registry, unregister/2 — all entries of the current process under the key go; those of others stay."""
    async with open_supervisor("stage") as root:
        one, two = await start(root), await start(root)
        for ref in (one, one, two):
            root.registry.register("k", ref, duplicate=True)
        root.registry.register("other", one)
        root.registry.unregister("k", one)
        assert [each.ref for each in root.registry.lookup("k")] == [two]
        assert root.registry.keys(one) == ["other"]


async def test_unregistering_what_is_not_registered_is_no_error() -> None:
    """Source: Elixir Registry, unregister/2 — :ok also where there was nothing.

    Departs: it returns how many there were.
    """
    async with open_supervisor("stage") as root:
        assert root.registry.unregister("k", await start(root)) == 0


async def test_unregister_match_removes_only_entries_whose_value_fits() -> None:
    """Source: Elixir Registry, unregister_match/4 — of the process's entries under a key those go whose value matches."""
    async with open_supervisor("stage") as root:
        ref = await start(root)
        for value in (1, 2, 3):
            root.registry.register("k", ref, value, duplicate=True)
        root.registry.unregister_match("k", ref, lambda value: value >= 2)
        assert root.registry.values("k", ref) == [1]


async def test_lookup_gives_pairs_of_process_and_value_and_an_empty_list_for_nobody() -> None:
    """Source: Elixir Registry, lookup/2 — a list of {pid, value}, with at most one for a unique key.

    Departs: duplicates come in the order of their registration, which Elixir does not promise.
    """
    async with open_supervisor("stage") as root:
        one, two = await start(root), await start(root)
        root.registry.register("k", one, 1, duplicate=True)
        root.registry.register("k", two, 2, duplicate=True)
        assert [(each.ref, each.value) for each in root.registry.lookup("k")] == [(one, 1), (two, 2)]
        assert root.registry.lookup("none") == []


async def test_keys_gives_the_keys_of_a_process_each_as_often_as_it_has_it() -> None:
    """Source: Elixir Registry, keys/2 — the keys of a process, a duplicate one as often as it is registered."""
    async with open_supervisor("stage") as root:
        ref = await start(root)
        for _ in range(2):
            root.registry.register("twice", ref, duplicate=True)
        root.registry.register("once", ref)
        assert root.registry.keys(ref) == ["twice", "twice", "once"]
        assert root.registry.keys(await start(root)) == []


async def test_values_gives_the_values_of_a_process_under_a_key() -> None:
    """Source: Elixir Registry, values/3 — the values that a process has under a key; none for another's key."""
    async with open_supervisor("stage") as root:
        one, two = await start(root), await start(root)
        for value in (1, 2):
            root.registry.register("k", one, value, duplicate=True)
        root.registry.register("u", one, 3)
        assert (root.registry.values("k", one), root.registry.values("u", one)) == ([1, 2], [3])
        assert (root.registry.values("k", two), root.registry.values("u", two)) == ([], [])


async def test_update_value_gives_the_new_value_and_the_old() -> None:
    """Source: Elixir Registry, update_value/3 — {new, old} for a unique key of the current process."""
    async with open_supervisor("stage") as root:
        ref = await start(root)
        root.registry.register("k", ref, 1)
        assert root.registry.update_value("k", ref, lambda value: value + 1) == (2, 1)
        assert root.registry.values("k", ref) == [2]


async def test_update_value_of_a_key_that_the_process_has_not_is_an_error() -> None:
    """Source: Elixir Registry, update_value/3 — :error where the current process has no such key.

    Departs: it is raised.
    """
    async with open_supervisor("stage") as root:
        one, two = await start(root), await start(root)
        root.registry.register("k", one, 1)
        with pytest.raises(NotRegistered):
            root.registry.update_value("k", two, lambda value: value + 1)


async def test_update_value_is_for_unique_keys() -> None:
    """Source: Elixir Registry, update_value/3 — raises ArgumentError for a registry of duplicate keys."""
    async with open_supervisor("stage") as root:
        ref = await start(root)
        root.registry.register("k", ref, 1, duplicate=True)
        with pytest.raises(ValueError, match="several"):
            root.registry.update_value("k", ref, lambda value: value + 1)


async def test_match_gives_the_entries_of_a_key_whose_value_fits() -> None:
    """Source: Elixir Registry, match/4 — the entries under a key whose value matches a pattern and guards."""
    async with open_supervisor("stage") as root:
        refs = [await start(root) for _ in range(3)]
        for value, ref in enumerate(refs):
            root.registry.register("k", ref, {"size": value}, duplicate=True)
        found = root.registry.match("k", lambda value: value["size"] > 0)
        assert [(each.ref, each.value) for each in found] == [(refs[1], {"size": 1}), (refs[2], {"size": 2})]


async def test_select_looks_at_all_keys_with_their_owners_and_values() -> None:
    """Source: Elixir Registry, select/2 — a match over {key, pid, value} of all entries."""
    async with open_supervisor("stage") as root:
        one, two = await start(root), await start(root)
        root.registry.register("a", one, 1)
        root.registry.register("b", two, 2)
        assert {each.key for each in root.registry.select(lambda _: True)} == {"a", "b"}
        assert [each.key for each in root.registry.select(lambda each: each.ref is two)] == ["b"]


async def test_count_counts_entries_of_both_kinds() -> None:
    """Source: Elixir Registry, count/1, count_match/4, count_select/2 — how many entries there are, fit, or fit under a key."""
    async with open_supervisor("stage") as root:
        ref = await start(root)
        root.registry.register("u", ref, 1)
        for value in (1, 2):
            root.registry.register("d", ref, value, duplicate=True)
        assert root.registry.count() == 3
        assert root.registry.count_match("d", lambda value: value == 1) == 1
        assert root.registry.count_select(lambda each: each.value == 1) == 2


async def test_dispatch_calls_with_all_entries_in_the_callers_process() -> None:
    """Source: Elixir Registry, dispatch/4 — the function gets all {pid, value} under the key, in the calling process; what it raises passes."""
    async with open_supervisor("stage") as root:
        refs = [await start(root) for _ in range(2)]
        for ref in refs:
            root.registry.register("k", ref, duplicate=True)
        called: list[Any] = []

        def note(found: list[Registration]) -> None:
            called.append(([each.ref for each in found], trio.lowlevel.current_task()))
            raise KeyError("passes")

        with pytest.raises(KeyError, match="passes"):
            root.registry.dispatch("k", note)
        assert called == [(refs, trio.lowlevel.current_task())]


async def test_dispatch_to_nobody_calls_nothing() -> None:
    """Source: Elixir Registry, dispatch/4 — the function is not called where there are no entries."""
    async with open_supervisor("stage") as root:
        called: list[Any] = []
        root.registry.dispatch("k", called.append)
        assert called == []


async def test_the_keys_of_a_process_that_has_crashed_are_gone() -> None:
    """Source: Elixir Registry, entries — they belong to the process that registered them, and go with it.

    Departs: they go in the step in which the end becomes visible; in Elixir they may be seen for a moment after.
    """
    async with open_supervisor("stage") as root:
        ref = await start(root)
        root.registry.register("k", ref)
        root.registry.register("d", ref, duplicate=True)
        ref.tell(OSError())
        await ref.wait_stopped()
        assert (root.registry.lookup("k"), root.registry.lookup("d"), root.registry.count()) == ([], [], 0)
        root.reports.drain()


async def test_the_key_of_a_dead_process_can_be_taken_by_another() -> None:
    """Source: Elixir Registry, register/3 — a key whose owner is no longer alive is free to be registered."""
    async with open_supervisor("stage") as root:
        one, two = await start(root), await start(root)
        root.registry.register("k", one)
        await one.kill()
        root.registry.register("k", two)
        assert root.registry.whereis("k") is two


async def test_a_process_that_is_started_with_a_name_in_use_does_not_start() -> None:
    """Source: Elixir Registry, {:via, Registry, {registry, key}} — a start under a name that is taken returns {:error, {:already_started, pid}}.

    Departs: it is raised; the name belongs to the slot, and so stays over its restarts.
    """
    async with open_supervisor("stage") as root:
        ref = await root.start(Plain, keys=["agent"])
        with pytest.raises(KeyInUse) as caught:
            await root.start(Plain, keys=["agent"])
        assert caught.value.holder is ref
        assert root.which_children() == [ref]


async def test_a_process_that_is_started_with_a_name_is_found_by_it_with_its_value() -> None:
    """Source: Elixir Registry, {:via, Registry, {registry, key, value}} — the value is registered with the name."""
    async with open_supervisor("stage") as root:
        ref = await root.start(Plain, keys=[RegistryKey("agent", "hello")])
        assert root.registry.whereis("agent") is ref
        assert root.registry.values("agent", ref) == ["hello"]


async def test_whereis_of_a_name_that_nobody_has_is_nobody() -> None:
    """Source: Elixir Registry, whereis_name/1 — :undefined for a name that is not registered, or whose process is dead."""
    async with open_supervisor("stage") as root:
        ref = await start(root)
        root.registry.register("k", ref)
        await ref.stop()
        assert (root.registry.whereis("k"), root.registry.whereis("never")) == (None, None)


async def test_names_are_for_unique_keys() -> None:
    """Source: Elixir Registry, :via — only a registry of unique keys serves for names."""
    async with open_supervisor("stage") as root:
        root.registry.register("k", await start(root), duplicate=True)
        with pytest.raises(ValueError, match="several"):
            root.registry.whereis("k")


async def test_listeners_are_told_of_registrations_and_of_what_is_given_up() -> None:
    """Source: Elixir Registry, listeners — a listener gets {:register, registry, key, pid, value} and {:unregister, registry, key, pid}.

    Departs: a listener is a feed, which begins with what there is; it is bounded, and says when it dropped something.
    """
    async with open_supervisor("stage") as root:
        ref = await start(root)
        async with root.registry.subscribe() as feed:
            root.registry.register("k", ref, 1)
            root.registry.unregister("k", ref)
            assert [await anext(feed) for _ in range(3)] == [
                Listing(()),
                Registered(Registration("k", ref, 1, duplicate=False, of_slot=False)),
                Unregistered(Registration("k", ref, 1, duplicate=False, of_slot=False)),
            ]


async def test_listeners_are_told_of_the_entries_of_a_process_that_has_ended() -> None:
    """Source: Elixir Registry, listeners — keys that go with a crashed process are not told to listeners, who have to monitor it.

    Departs: they are told, as of any other key that is given up.
    """
    async with open_supervisor("stage") as root:
        ref = await start(root)
        root.registry.register("k", ref)
        async with root.registry.subscribe() as feed:
            await ref.kill()
            assert [type(await anext(feed)) for _ in range(2)] == [Listing, Unregistered]


async def test_a_registered_process_ends_with_its_registry() -> None:
    """Source: Elixir Registry, register/3 — the owner is linked to the registry, so that no process goes on believing that it is registered.

    Departs: the registry ends with its tree, and so after all who are in it.
    """
    async with open_supervisor("stage") as root:
        ref = await start(root)
        root.registry.register("k", ref)
        registry = root.registry
    assert (ref.lifecycle, registry.count()) == ("stopped", 0)


async def test_a_process_that_is_no_longer_there_registers_nothing() -> None:
    """Source: Elixir Registry, register/3 — it is the calling, so a living, process that is registered."""
    async with open_supervisor("stage") as root:
        ref = await start(root)
        await ref.stop()
        with pytest.raises(ActorStopped):
            root.registry.register("k", ref)
        assert root.registry.lookup("k") == []


async def test_a_registry_of_another_kind_of_keys_is_refused() -> None:
    """Source: Elixir Registry, start_link/1 — keys: has to be :unique or :duplicate, anything else raises ArgumentError."""
    async with open_supervisor("stage") as root:
        bad: Any = "duplicate"
        with pytest.raises(TypeError, match="give True or False"):
            root.registry.register("k", await start(root), duplicate=bad)
        with pytest.raises(InvalidSpec, match="keys"):
            await root.start(Plain, keys=bad)
