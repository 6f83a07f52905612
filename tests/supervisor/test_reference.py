"""A supervisor against the reference interpreter: random programs, and after each event the same children, in the same states and incarnations."""

from typing import Any

import attrs
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from greenroom import Actor, Backoff, ChildSpec, Context, GreenroomError, Ignore, Intensity, NameInUse, Supervisor
from greenroom.testing import open_tree

from .children import Boom
from .kid import Kid
from .reference import Reference

NAMES = "abcd"
#: no sum of some of them is a sum of others: no two things happen at the same time by chance.
STARTS = (0.01013, 0.01013, 0.01013, 1.00317, 2.01731)
ENDS = (0.0, 0.0, 0.0, 1.04177, 2.09771)
PAUSES = (0.35913, 0.71111, 1.61803, 3.14159, 6.77777)
BACKOFFS = ((1.27771, 3.33331, 2.5, None), (0.55557, 9.12345, 4.4, 3))


class Plain(Actor[Any]):
    """Take its time; fail to start where it is told to."""

    def __init__(self, world: "World", slow: float, lingers: float) -> None:
        self.world, self.slow, self.lingers = world, slow, lingers
        self.name = "?"

    async def startup(self, ctx: Context) -> None:
        self.name = name = ctx.path.rsplit("/", 1)[-1]
        await trio.sleep(self.slow)
        if self.world.failing.get(name, 0) > 0:
            self.world.failing[name] -= 1
            raise Boom(name)
        if self.world.ignoring.get(name, 0) > 0:
            self.world.ignoring[name] -= 1
            raise Ignore
        self.ready_at = trio.current_time()

    def receive(self, message: str, ctx: Context) -> None:
        self.world.handled.append((self.name, ctx.ref.incarnation, message))
        if trio.current_time() == self.ready_at:
            return
        if message == "crash":
            raise Boom(self.name)
        if message == "finish":
            ctx.stop()

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await trio.sleep(self.lingers)


@attrs.define
class World:
    """Hold what the actors share with the test."""

    failing: dict[str, int] = attrs.field(factory=dict[str, int])
    ignoring: dict[str, int] = attrs.field(factory=dict[str, int])
    handled: list[tuple[str, int, str]] = attrs.field(factory=list[tuple[str, int, str]])


#: The last declared child, whom nobody meddles with. When it is ready its supervisor will be: a child that crashed in that very moment could be seen
#: as one of a supervisor that starts, or of one that is ready.
LAST = {
    "restart": "permanent", "inline": True, "significant": False, "slow": 0.00071, "lingers": 0.0, "backoff": None,
}  # fmt: skip
kids: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {
        "restart": st.sampled_from(["permanent", "permanent", "transient", "temporary"]),
        "inline": st.sampled_from([True, True, False]),
        "significant": st.booleans(),
        "slow": st.sampled_from(STARTS),
        "lingers": st.sampled_from(ENDS),
        "backoff": st.sampled_from([None, None, None, *BACKOFFS]),
    }
)
plans: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {
        "strategy": st.sampled_from(["one_for_one", "one_for_all", "rest_for_one", "dynamic"]),
        "max_restarts": st.integers(0, 3),
        "begin": st.sampled_from([6.77777, 6.77777, 0.0]),
        "auto_shutdown": st.sampled_from(["never", "never", "any_significant", "all_significant"]),
        "kids": st.lists(kids, min_size=1, max_size=4),
    }
)
everyone = st.sampled_from([*NAMES, "x", "y"])
operations = st.one_of(
    st.tuples(st.just("tell"), everyone, st.sampled_from(["crash", "crash", "finish", "ping"])),
    st.tuples(st.sampled_from(["terminate", "restart", "delete"]), everyone),
    st.tuples(st.sampled_from(["failing", "ignoring"]), everyone, st.integers(1, 2)),
    st.tuples(st.just("start"), st.sampled_from(["x", "y", "a"]), kids),
    st.tuples(st.just("sleep"), st.sampled_from(PAUSES)),
    st.tuples(st.just("sleep"), st.sampled_from(PAUSES)),
    st.tuples(st.just("crash")),
)


class Program:
    """Carry out operations on a supervisor and on the reference."""

    def __init__(self, root: Supervisor, plan: dict[str, Any], world: World, nursery: trio.Nursery) -> None:
        self.root, self.world, self.nursery = root, world, nursery
        self.clock = trio.current_time()
        auto: Any = plan["auto_shutdown"] if plan["strategy"] != "dynamic" else "never"
        self.auto = auto
        specs: list[ChildSpec] = []
        declared: list[Kid] = []
        if plan["strategy"] != "dynamic":
            for place, (name, kid) in enumerate(
                zip([*NAMES[: len(plan["kids"])], "z"], [*plan["kids"], LAST], strict=True)
            ):
                facts = self.facts(kid, place)
                declared.append(Kid(name, **facts))
                options = self.options(facts)
                specs.append(
                    ChildSpec(
                        name,
                        Plain,
                        [world, facts["slow"], facts["lingers"]],
                        startup="inline" if kid["inline"] else "deferred",
                        **options,
                    )
                )
        self.model = Reference(
            plan["strategy"], plan["max_restarts"], 5.0, self.auto, declared, failing={}, ignoring={}
        )
        self.team = root.start_supervisor(
            "team",
            specs,
            strategy=plan["strategy"],
            auto_shutdown=auto,
            intensity=Intensity(plan["max_restarts"], 5.0),
        )
        self.model.soon(self.model.begin)
        self.told: list[tuple[int, str]] = []
        self.foretold: list[tuple[int, str]] = []

    def facts(self, kid: dict[str, Any], place: int) -> dict[str, Any]:
        significant = kid["significant"] and kid["restart"] != "permanent" and self.auto != "never"
        slow = kid["slow"] + 0.00037 * place
        lingers = kid["lingers"] and kid["lingers"] + 0.00041 * place
        return {
            **kid,
            "slow": slow,
            "lingers": lingers,
            "significant": significant,
            "backoff": None if kid["restart"] == "temporary" else kid["backoff"],
        }

    def options(self, facts: dict[str, Any]) -> dict[str, Any]:
        backoff = facts["backoff"]
        made: Any = None
        if backoff is not None:
            made = Backoff(backoff[0], backoff[1], reset_after=backoff[2], max_attempts=backoff[3])
        return {
            "restart": facts["restart"], "significant": facts["significant"], "backoff": made,
            "shutdown": None, "startup_timeout": None,
        }  # fmt: skip

    async def run(self, number: int, name: str, *data: Any) -> None:  # noqa: C901 -- one case for each operation
        model, team = self.model, self.team
        model.settle(trio.current_time() - self.clock)
        refs = {ref.name: ref for ref in team.which_children()}
        match name:
            case "tell":
                accepted = data[0] in refs and refs[data[0]].try_tell(data[1])
                assert accepted == model.tell(*data)
            case "terminate":
                if data[0] in refs:
                    refs[data[0]].request_stop()
                model.terminate(*data)
            case "restart":
                self.nursery.start_soon(self.restart, number, *data)
                await trio.lowlevel.checkpoint()
                model.restart_child(data[0], lambda told: self.foretold.append((number, told)))
            case "delete":
                said = ""
                try:
                    team.delete_child(*data)
                except GreenroomError as error:
                    said = type(error).__name__
                assert said == model.delete(*data)
            case "failing" | "ignoring":
                getattr(self.world, name)[data[0]] = getattr(model, name)[data[0]] = data[1]
            case "start":
                facts = self.facts(data[1], 5 + number)
                said = ""
                try:
                    team.start_soon(
                        Plain, self.world, facts["slow"], facts["lingers"], name=data[0], **self.options(facts)
                    )
                except NameInUse:
                    said = "NameInUse"
                except GreenroomError:
                    said = "refused"
                facts["inline"] = False
                assert said == model.start(Kid(data[0], declared=False, **facts))
            case "crash":
                assert team.ref.crash(Boom("team")) == model.crash()
            case "sleep":
                await trio.sleep(data[0])
            case _:
                raise AssertionError(name)

    async def restart(self, number: int, name: str) -> None:
        try:
            await self.team.restart_child(name)
            said = "ready"
        except GreenroomError as error:
            said = type(error).__name__
        self.told.append((number, "refused" if said in {"StartupInProgress", "ActorRestarting"} else said))

    async def agree(self) -> None:
        await wait_all_tasks_blocked()
        model = self.model
        model.settle(trio.current_time() - self.clock)
        seen = [(info.name, info.lifecycle, info.incarnation) for info in self.team.tree().children]
        expected = [(kid.name, kid.life, kid.incarnation) for kid in model.kids]
        assert seen == expected
        team = self.team.ref
        assert (team.lifecycle, team.incarnation) == (model.life, model.incarnation)
        assert sorted(self.told) == sorted(self.foretold)
        assert sorted(self.world.handled) == sorted(model.handled)
        for kid in model.kids:
            due = self.team.which_child(kid.name).next_retry
            group = model.group
            wanted = kid.due
            if group is not None and group.phase == "waiting" and kid.life == "restarting" and kid in group.members:
                wanted = group.due
            assert (due is None) == (wanted is None), kid.name
            assert due is None or due - self.clock == pytest.approx(wanted)


async def carry_out(plan: dict[str, Any], program: list[Any]) -> None:
    world = World()
    async with open_tree("stage", intensity=Intensity(10_000, 1.0)) as root, trio.open_nursery() as nursery:
        root.ignore_dead_letters()
        run = Program(root, plan, world, nursery)
        await run.agree()
        await run.run(0, "sleep", plan["begin"])
        for number, operation in enumerate(program):
            await run.run(number, *operation)
            await run.agree()
        for _ in range(12):
            await run.run(0, "sleep", 3.14159)
            await run.agree()
        lost = root.dead_letters.counts
        assert lost.get("stopped", 0) + lost.get("startup failed", 0) == len(run.model.dead)


@settings(max_examples=300)
@given(plans, st.lists(operations, min_size=2, max_size=14))
def test_a_supervisor_does_what_the_rules_say(plan: dict[str, Any], program: list[Any]) -> None:
    trio.run(carry_out, plan, program, clock=MockClock(autojump_threshold=0))
