"""OTP's supervisor_SUITE: how a supervisor and its children start, and what is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
import trio

from greenroom import (
    ActorStopped,
    ChildEnded,
    ChildNotFound,
    ChildSpec,
    ChildStartupFailed,
    Ignore,
    Ignored,
    Intensity,
    InvalidSpec,
    Shutdown,
    StartupFailed,
    check_specs,
    open_supervisor,
)
from greenroom.testing import Tree, open_tree

from .cast import Boom, Player, Stage, counts, lives, names, settle

NO_MEANING = {
    "sup_start_ignore_init": "a supervisor is declared by data; there is no callback of its own that could say `ignore`",
    "external_start_no_progress_log": "there are no progress reports to leave out: a start that goes well is not logged",
    "get_callback_module": "a supervisor has no callback module",
    "extra_return": (
        "a start has one result, the ref; there is no extra information to hand on. What the case goes through is child_adm's"
    ),
    "simple_one_for_one_extra": "as extra_return; the restarts that the case goes through are held by simple_one_for_one",
    "format_log_1": "it is about the text of OTP's reports; ours are objects (`ChildEnded`, `ChildStartupFailed`)",
    "format_log_2": "as format_log_1",
    "already_started_outside_supervisor": (
        "a child's name is its place below its supervisor, so nobody outside can hold it; names besides paths are the registry's"
    ),
}


async def test_a_supervisor_without_children_starts_and_ends_in_good_order() -> None:
    """Source: OTP supervisor_SUITE, sup_start_normal — a supervisor starts, and ends for `shutdown` when it is told to."""
    async with open_tree() as root:
        assert counts(root) == (0, 0, 0, 0)
        root.request_stop()
        assert isinstance(await root.wait_stopped(), Shutdown)


async def test_a_permanent_child_with_nothing_to_do_is_listed_and_does_not_run(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_start_ignore_child — a permanent child whose start says `ignore` keeps its place, and does not run."""
    stage.plan("child1", Ignore())
    tree.start_soon(Player, stage, name="child1", restart="permanent")
    await tree.start(Player, stage, name="child2", restart="permanent")
    assert lives(tree) == {"child1": "parked", "child2": "ready"}
    assert counts(tree) == (2, 1, 0, 2)
    [ended] = tree.reports.drain()
    assert isinstance(ended, ChildEnded)
    assert (ended.reason, ended.restarting) == (Ignored(), False)


async def test_a_declared_temporary_child_with_nothing_to_do_is_forgotten(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_start_ignore_temporary_child — `ignore` of a declared temporary child leaves nothing of it, and is no
    failure.
    """
    stage.plan("child1", Ignore())
    children = [ChildSpec(name, Player, (stage,), restart="temporary") for name in ("child1", "child2")]
    async with open_tree(children=children) as root:
        assert lives(root) == {"child2": "ready"}
        assert counts(root) == (1, 1, 0, 1)


async def test_a_temporary_child_with_nothing_to_do_is_forgotten(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_start_ignore_temporary_child_start_child — `ignore` of a temporary child leaves nothing of it.

    Departs: `await start(...)` promises a child that is ready, so it raises `ActorStopped`; `start_soon` tells of the `Ignored` end by a report.
    """
    stage.plan("child1", Ignore())
    with pytest.raises(ActorStopped):
        await tree.start(Player, stage, name="child1", restart="temporary")
    stage.plan("child1", Ignore())
    tree.start_soon(Player, stage, name="child1", restart="temporary")
    await tree.start(Player, stage, name="child2", restart="temporary")
    assert names(tree) == ["child2"]
    assert counts(tree) == (1, 1, 0, 1)


async def test_flags_that_are_none_start_nothing(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_start_error_return — what is no set of children is refused, and nothing is left of the start."""
    for nonsense in (5, "invalid", ChildSpec("a", Player)):
        with pytest.raises(InvalidSpec, match="no list of ChildSpecs"):
            async with open_supervisor("test", children=nonsense):  # type: ignore[arg-type]
                raise AssertionError
    assert stage.log == []


async def test_an_error_while_the_children_are_listed_is_the_callers_and_starts_nothing(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_start_fail — what fails before there are children to start fails the start, with its own error."""

    def listing() -> Iterator[ChildSpec]:
        yield ChildSpec("a", Player, (stage,))
        raise Boom

    with pytest.raises(Boom):
        async with open_supervisor("test", children=listing()):
            raise AssertionError
    assert stage.log == []


async def test_a_child_that_fails_to_start_is_told_to_its_starter_and_leaves_nothing(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_start_child_returns_error — a start that fails, or gives what is no actor, is the starter's error, and
    adds no child.
    """

    def no_actor() -> Any:
        return "error_reason"

    stage.plan("child1", Boom("reason"))
    with pytest.raises(StartupFailed, match="reason"):
        await tree.start(Player, stage, name="child1", restart="permanent")
    with pytest.raises(StartupFailed, match="error_reason"):
        await tree.start(no_actor, name="child2", restart="permanent")
    assert names(tree) == []
    assert tree.reports.drain() == []


async def test_a_parked_child_that_fails_to_start_again_stays_parked(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_start_restart_child_returns_error — `restart_child` that fails gives its error, and the child stays as it
    was.
    """
    await tree.start(Player, stage, name="child1", restart="permanent")
    await tree.terminate_child("child1")
    stage.plan("child1", Boom("no"))
    with pytest.raises(StartupFailed, match="no"):
        await tree.restart_child("child1")
    assert lives(tree) == {"child1": "parked"}
    assert [report for report in tree.reports.drain() if isinstance(report, ChildStartupFailed)] == []


async def test_what_a_specification_leaves_out_is_permanent_and_has_five_seconds_to_stop(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_start_map — the defaults: permanent, a worker, 5 s to shut down."""
    spec = ChildSpec("a", Player, (stage,))
    assert (spec.restart, spec.shutdown) == ("permanent", 5.0)
    async with open_tree(children=[spec]) as root:
        root.lookup("a").tell("leave")
        await settle()
        assert (lives(root), counts(root)) == ({"a": "ready"}, (1, 1, 0, 1))
        assert root.child_spec("a") == spec
        with pytest.raises(ChildNotFound):
            root.child_spec("child4")
        stage.closing["a"] = 100.0
        before = trio.current_time()
        await root.terminate_child("a")
        assert trio.current_time() == before + 5.0


async def test_a_faulty_set_is_refused_as_a_whole_with_all_that_is_wrong() -> None:
    """Source: OTP supervisor_SUITE, sup_start_map_faulty_specs — a specification without a name, without a start, or that is none, is told by
    what it lacks.

    Departs: all faults are told at once, and an unknown key is an error too, where OTP passes it over.
    """
    with pytest.raises(TypeError, match="name"):
        ChildSpec(factory=Player)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="factory"):
        ChildSpec("child2")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="silly_flag"):
        ChildSpec("child3", Player, silly_flag=True)  # type: ignore[call-arg]
    with pytest.raises(InvalidSpec) as caught:
        async with open_supervisor("test", children=["child4", ChildSpec("a", 5)]):  # type: ignore[list-item,arg-type]
            raise AssertionError
    assert "'child4' is no ChildSpec" in str(caught.value)
    assert "children[1] ('a')" in str(caught.value)


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"factory": "mfa"}, "'mfa'"),
    ({"restart": "prmanent"}, "restart: 'prmanent'"),
    ({"shutdown": -10}, "shutdown: -10"),
    ({"args": "dy"}, "args: 'dy'"),
    ({"kwargs": [1, 2, 3]}, r"kwargs: \[1, 2, 3\]"),
    ({"name": "A Child"}, "'A Child' is no name"),
]


@pytest.mark.parametrize(("fault", "text"), FAULTS)
async def test_each_wrong_field_has_its_own_error(fault: dict[str, Any], text: str) -> None:
    """Source: OTP supervisor_SUITE, child_specs; child_specs_map — each wrong field of a specification is refused by its name and value, before
    anything starts.

    Departs: a child's type follows from what it is, and there are no modules, so neither can be wrong.
    """
    given: dict[str, Any] = {"name": "child", "factory": Player} | fault
    with pytest.raises(InvalidSpec, match=text):
        async with open_supervisor("test", children=[ChildSpec(**given)]):
            raise AssertionError


@pytest.mark.parametrize(
    ("fault", "text"), [fault for fault in FAULTS if set(fault[0]) <= {"restart", "shutdown", "name"}]
)
async def test_and_so_it_has_at_run_time_where_it_changes_nothing(tree: Tree, fault: dict[str, Any], text: str) -> None:
    """Source: OTP supervisor_SUITE, child_specs; child_specs_map — `start_child` refuses the same faults, and starts nothing."""
    options: dict[str, Any] = {"name": "child"} | fault
    with pytest.raises(InvalidSpec, match=text):
        tree.start_soon(Player, **options)
    with pytest.raises(InvalidSpec, match="not a factory"):
        tree.start_soon("mfa", name="child")  # type: ignore[call-overload]
    assert names(tree) == []


@pytest.mark.parametrize("auto", ["never", "any_significant", "all_significant"])
@pytest.mark.parametrize("significant", [True, False])
@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
def test_a_dry_run_says_the_same_of_every_combination(auto: Any, restart: Any, significant: bool) -> None:
    """Source: OTP supervisor_SUITE, child_specs; child_specs_map — `check_childspecs` accepts what a start would, and refuses significant with
    never or permanent.
    """
    spec = ChildSpec("child", Player, restart=restart, significant=significant)
    wrong = [word for word, is_wrong in (("never", auto == "never"), ("permanent", restart == "permanent")) if is_wrong]
    if not significant or not wrong:
        check_specs([spec], auto_shutdown=auto)
        return
    with pytest.raises(InvalidSpec) as caught:
        check_specs([spec], auto_shutdown=auto)
    assert all(word in str(caught.value) for word in wrong)


def test_a_dry_run_tells_all_faults_at_once() -> None:
    """Source: OTP supervisor_SUITE, child_specs; child_specs_map — `check_childspecs` takes a list of specifications, and nothing else.

    Departs: it tells all that is wrong, with the place of each.
    """
    faulty: list[Any] = [ChildSpec("child", "mfa", shutdown=-10), 7, ChildSpec("a", Player), ChildSpec("a", Player)]  # type: ignore[arg-type]
    with pytest.raises(InvalidSpec) as caught:
        check_specs(faulty)
    lines = str(caught.value).splitlines()
    for place, word in (
        ("children[0]", "'mfa'"),
        ("children[0]", "-10"),
        ("children[1]", "7"),
        ("children[3]", "twice"),
    ):
        assert any(place in line and word in line for line in lines), (place, word)
    with pytest.raises(InvalidSpec):
        check_specs(ChildSpec("a", Player))  # type: ignore[arg-type]


async def test_two_children_of_one_name_are_refused(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, child_specs; child_specs_map — no two children of a set may have the same name."""
    spec = ChildSpec("child", Player, (stage,))
    with pytest.raises(InvalidSpec, match="used twice"):
        async with open_supervisor("test", children=[spec, spec]):
            raise AssertionError
    assert stage.log == []


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
@pytest.mark.parametrize("shutdown", [0, 1.5, None])
async def test_every_right_combination_starts(restart: Any, shutdown: float | None) -> None:
    """Source: OTP supervisor_SUITE, child_specs; child_specs_map — every combination of legal values is accepted."""
    spec = ChildSpec("child", Player, restart=restart, shutdown=shutdown)
    async with open_tree(children=[spec]) as root:
        assert lives(root) == {"child": "ready"}


FLAGS: list[tuple[dict[str, Any], str]] = [
    ({"strategy": "none_for_one"}, "strategy: 'none_for_one'"),
    ({"intensity": "infinity"}, "intensity: 'infinity'"),
    ({"intensity": (2, 3600)}, "intensity: "),
]


@pytest.mark.parametrize(("flags", "text"), FLAGS)
async def test_wrong_flags_of_a_supervisor_are_refused_by_name(flags: dict[str, Any], text: str) -> None:
    """Source: OTP supervisor_SUITE, sup_flags — a strategy, an intensity or a period that makes no sense is refused, and nothing starts."""
    with pytest.raises(InvalidSpec, match=text):
        async with open_supervisor("test", **flags):
            raise AssertionError


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((-1, 5.0), "max_restarts"),
        ((float("inf"), 5.0), "max_restarts"),
        ((2, 0), "within"),
        ((2, float("inf")), "within"),
    ],
)
def test_an_intensity_is_a_whole_number_of_restarts_within_a_finite_time(numbers: tuple[Any, Any], text: str) -> None:
    """Source: OTP supervisor_SUITE, sup_flags — the intensity is a whole number from 0, the period a time above 0."""
    with pytest.raises(InvalidSpec, match=text):
        Intensity(*numbers)


async def test_an_unknown_flag_is_refused() -> None:
    """Source: OTP supervisor_SUITE, sup_flags — unexpected flags.

    Departs: OTP passes unknown flags over; here they are errors, as a misspelt flag would be without effect.
    """
    with pytest.raises(TypeError, match="silly_flag"):
        open_supervisor("test", silly_flag=True)  # type: ignore[call-arg]


async def test_a_tree_that_cannot_start_passes_the_cause_on_with_its_traceback(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, faulty_application_shutdown — a top supervisor that cannot start a child names the child and passes the
    original error on.
    """
    boom = Boom("undefined function")
    stage.plan("server", boom)
    children = [ChildSpec("first", Player, (stage,)), ChildSpec("server", Player, (stage,)), ChildSpec("last", Player)]
    with pytest.raises(StartupFailed, match=r"server.*undefined function") as caught:
        async with open_supervisor("app", children=children):
            raise AssertionError
    causes: list[BaseException] = []
    error: BaseException | None = caught.value
    while error is not None:
        causes.append(error)
        error = error.__cause__
    assert causes[-1] is boom
    assert boom.__traceback__ is not None
    assert stage.said("has closed") == ["server", "first"]
