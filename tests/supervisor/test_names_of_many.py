"""Who is given no name has one all the same: made of its kind and its uid whenever somebody asks, and of nobody else in its team."""

from collections.abc import Iterator
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from greenroom import Actor, ActorRef, ChildNotFound, ChildSpec, Context, NameInUse, open_supervisor


class Worker(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> None:
        if message == "end":
            ctx.stop()


class Other(Worker):
    pass


async def test_a_name_that_was_not_given_is_found_and_leads_to_its_actor_alone() -> None:
    async with open_supervisor("stage") as root:
        refs = [root.start_soon(kind) for kind in (Worker, Other, Worker)]
        assert [ref.name for ref in refs] == [f"worker-{refs[0].uid}", f"other-{refs[1].uid}", f"worker-{refs[2].uid}"]
        for ref in refs:
            assert root.lookup(ref.name) is root.lookup(ref.path) is ref
            assert root.which_child(ref.name).uid == ref.uid
        assert [child.name for child in root.tree().children] == [ref.name for ref in refs]


async def test_what_only_looks_like_a_name_of_a_uid_is_nobodys() -> None:
    async with open_supervisor("stage") as root:
        ref = root.start_soon(Worker)
        uid = ref.uid
        wrong = [
            f"other-{uid}",
            f"worker-0{uid}",
            f"worker{uid}",
            str(uid),
            f"-{uid}",
            f"worker-{uid}-",
            f"worker--{uid}",
            f"worker-{uid + 1}",
        ]
        for name in [
            *wrong,
            f"worker-{'9' * 30}",
            f"worker-{'9' * 5_000}",
            "worker-²",
            f"worker-{chr(0x660 + uid)}",
            "worker-",
            "",
        ]:
            with pytest.raises(ChildNotFound) as caught:
                root.which_child(name)
            assert caught.value.known == (ref.name,)
            if name:
                with pytest.raises(ChildNotFound):
                    root.lookup(name)


async def test_a_name_that_another_has_without_having_been_given_it_is_in_use() -> None:
    async with open_supervisor("stage") as root:
        ref = root.start_soon(Worker)
        with pytest.raises(NameInUse) as caught:
            root.start_soon(Other, name=ref.name)
        assert caught.value.holder is ref
        await ref.stop()
        again = root.start_soon(Other, name=ref.name)
        assert root.lookup(ref.name) is again
        assert again is not ref


async def test_who_would_have_the_name_that_another_was_given_has_one_of_its_own() -> None:
    async with open_supervisor("stage") as root:
        first = root.start_soon(Worker)
        given_ = root.start_soon(Worker, name=f"worker-{first.uid + 3}")
        both = root.start_soon(Worker, name=f"worker-{first.uid + 3}-")
        late, later = root.start_soon(Worker), root.start_soon(Worker)
        names = {ref.name: ref for ref in (first, given_, both, late, later)}
        assert len(names) == 5
        assert all(root.lookup(name) is ref for name, ref in names.items())
        assert (late.name, later.name) == (f"worker-{late.uid}--", f"worker-{later.uid}")


async def test_who_is_declared_later_by_the_name_that_was_made_for_it_stays_in_its_place() -> None:
    async with open_supervisor("stage") as root:
        first, second = root.start_soon(Worker, restart="permanent"), root.start_soon(Worker, restart="permanent")
        root.update_specs([ChildSpec(second.name, Worker), ChildSpec("new", Worker)])
        assert [ref.name for ref in root.which_children()] == [second.name, "new", first.name]
        assert root.lookup(second.name) is second
        with pytest.raises(NameInUse):
            root.start_soon(Worker, name=second.name)
        second.crash(ValueError("of all things"))
        await second.wait_ready()
        await root.terminate_child(second.name)
        await root.restart_child(second.name)
        assert root.which_child(second.name).incarnation == 3
        await root.terminate_child(second.name)
        root.delete_child(second.name)
        assert [ref.name for ref in root.which_children()] == ["new", first.name]
        root.reports.drain()


class Team:
    """Be a team as it should be: names, and who has them."""

    def __init__(self) -> None:
        self.members: dict[str, ActorRef[Any]] = {}

    def names(self) -> Iterator[str]:
        """All names that might be in use, or be made."""
        yield from self.members
        for uid in range(1, 12):
            yield from (f"worker-{uid}", f"worker-{uid}-", f"other-{uid}")


NAMES = st.one_of(
    st.none(),
    st.builds("{}-{}{}".format, st.sampled_from(["worker", "other"]), st.integers(1, 9), st.sampled_from(["", "-"])),
)


@given(st.lists(st.tuples(st.sampled_from([Worker, Other]), NAMES, st.booleans()), max_size=10))
def test_whatever_names_are_given_each_leads_to_one_actor(steps: list[tuple[type[Worker], str | None, bool]]) -> None:
    async def main() -> None:
        team = Team()
        async with open_supervisor("stage") as root:
            for kind, name, ends in steps:
                if name in team.members:
                    with pytest.raises(NameInUse) as caught:
                        root.start_soon(kind, name=name)
                    assert caught.value.holder is team.members[name]
                else:
                    ref = root.start_soon(kind) if name is None else root.start_soon(kind, name=name)
                    assert ref.name not in team.members
                    assert name in (None, ref.name)
                    team.members[ref.name] = ref
                if ends and team.members:
                    gone = team.members.pop(next(iter(team.members)))
                    await gone.stop()
                for each in team.names():
                    if each in team.members:
                        assert root.which_child(each).uid == team.members[each].uid
                    else:
                        with pytest.raises(ChildNotFound):
                            root.which_child(each)
                assert [ref.name for ref in root.which_children()] == list(team.members)
            root.reports.drain()

    trio.run(main)
