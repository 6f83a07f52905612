"""The runtime's actors as objects that are linearizable: a store over restarts, and the registry, each held against a plain model of it."""

from contextlib import suppress
from typing import Any, Final

import trio

from greenroom import ActorCrashed, ActorRef, ActorStopped, AskTimeout, Context, GreenroomError, KeyInUse, Request
from greenroom.races import SequentialModel, Sim

from .promise import Boom, Quiet, Scenario, choose_class, stage, steps, together
from .registering import FOR_EVER, end_somehow


class NeverBegun(GreenroomError):
    """The runtime has said that a request was not begun and will not be."""


class Add(Request[int]):
    """Ask to add a number, and to crash before the answer if told so."""

    def __init__(self, number: int, *, crashes: bool = False) -> None:
        self.number, self.crashes = number, crashes

    def __repr__(self) -> str:
        return f"Add({self.number}{', crashes' if self.crashes else ''})"


class Store(Quiet):
    """Count; what has been counted outlives a crash."""

    def __init__(self, saved: list[int]) -> None:
        self.saved = saved

    async def receive(self, message: Any, ctx: Context) -> Any:
        await trio.lowlevel.checkpoint()
        self.saved[0] += message.number
        total = self.saved[0]
        await trio.lowlevel.checkpoint()
        if message.crashes:
            raise Boom
        return total


class StoreAlone(Store):
    own_task = True


class Forgetful(Quiet):
    """Count; save what has been counted when there is time, after the answer: a crash in between loses what was promised."""

    def __init__(self, saved: list[int]) -> None:
        self.saved = saved
        self.total = saved[0]

    async def receive(self, message: Any, ctx: Context) -> Any:
        if message == "save":
            self.saved[0] = self.total
            return None
        self.total += message.number
        ctx.ref.tell("save")
        return self.total


class Total(SequentialModel):
    """Be a number that is added to: its new value is the answer."""

    initial = 0

    def apply(self, state: Any, name: str, args: tuple[Any, ...]) -> tuple[Any, Any]:
        """Add."""
        return state + args[0], state + args[0]


async def asked(ref: ActorRef[Any], request: Any, timeout: float | None) -> Any:
    """Ask; tell apart what was certainly not begun. One that was refused because the actor ended first may have been."""
    is_over = ref.exit_reason is not None
    try:
        return await ref.ask(request, timeout=timeout)
    except ActorStopped as error:
        if is_over:
            raise NeverBegun from error
        raise
    except (ActorCrashed, AskTimeout) as error:
        if not error.begun:
            raise NeverBegun from error
        raise


async def a_store_counts_over_restarts(sim: Sim) -> None:
    """Each answer counts all that was answered before it was asked; what was refused, or never begun, counts never."""
    saved = [0]
    async with stage() as root:
        kind = choose_class(sim, Store, StoreAlone)
        ref = root.start_soon(kind, saved, name="store", restart="permanent", **FOR_EVER)
        how = sim.choose(["crash", "crash by itself", "stop"])

        async def add(client: str, number: int, *, crashes: bool = False) -> None:
            timeout = sim.choose([None, 1])

            async def call(number: int) -> Any:
                return await asked(ref, Add(number, crashes=crashes), timeout)

            with suppress(GreenroomError):
                await sim.history.run(client, "add", call, number, fails=NeverBegun)

        async def client(name: str, number: int) -> None:
            for turn in range(2):
                await add(name, number, crashes=how == "crash by itself" and name == "b" and not turn)

        async def end() -> None:
            await steps(sim.choose([1, 4]))
            if how != "crash by itself":
                await end_somehow(ref, how)

        await together(sim, lambda: client("a", 1), lambda: client("b", 10), lambda: client("c", 100), end)
        await add("d", 0)
    if any(each.outcome == "ok" for each in sim.history.operations):
        sim.history.check(Total)


async def a_store_that_saves_too_late(sim: Sim) -> None:
    """Find by its history a store that loses what it has answered."""
    saved = [0]
    async with stage() as root:
        ref = root.start_soon(Forgetful, saved, name="store", restart="permanent", **FOR_EVER)

        answered = trio.Event()

        async def client(name: str, number: int) -> None:
            with suppress(GreenroomError):
                await sim.history.run(name, "add", lambda number: ref.ask(Add(number)), number)
            answered.set()

        async def crash() -> None:
            await answered.wait()
            ref.crash(Boom())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(client, "a", 1)
            nursery.start_soon(client, "b", 10)
            nursery.start_soon(crash)
        with suppress(GreenroomError):
            await sim.history.run("c", "add", lambda number: ref.ask(Add(number)), 0)
    sim.history.check(Total)


class Keeps(Quiet):
    """Take the key and give it up, as told."""

    async def receive(self, message: Any, ctx: Context) -> Any:
        await trio.lowlevel.checkpoint()
        answer: Any = None
        if message.what == "take":
            try:
                ctx.register("key")
            except KeyInUse as error:
                answer = error.holder.name
            else:
                answer = ctx.ref.name
        else:
            answer = ctx.unregister("key")
        await trio.lowlevel.checkpoint()
        return answer


class KeepsAlone(Keeps):
    own_task = True


class Does(Request[Any]):
    """Ask to do something with the key."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __repr__(self) -> str:
        return f"Does({self.what!r})"


class OneKey(SequentialModel):
    """Be a key that one actor at most has: who has it, and who has ended for good."""

    initial = (None, frozenset[str]())

    def outcomes(self, state: Any, name: str, args: tuple[Any, ...]) -> Any:
        """Take it, give it up, look who has it; an end takes it from whoever has ended."""
        holder, gone = state
        if name == "look":
            return [(holder, state)]
        who = args[0]
        if name == "end":
            return [(None, (None if holder == who else holder, gone if args[1] == "crash" else gone | {who}))]
        if who in gone:
            return []
        if name == "take":
            return [(who, (who, gone)) if holder is None else (holder, state)]
        return [(1, (None, gone)) if holder == who else (0, state)]


async def a_key_is_in_one_hand(sim: Sim) -> None:
    """Who has a key is what one order of takes, gives and ends says; whoever has seen an end sees no key in that hand."""
    injection = getattr(sim, "_play").injection  # noqa: B009 -- of the kit, for tests
    async with stage() as root:
        kind, how = choose_class(sim, Keeps, KeepsAlone), sim.choose(["stop", "kill", "drain", "crash"])
        refs = {name: root.start_soon(kind, name=name, restart="permanent", **FOR_EVER) for name in ("x", "y")}
        if injection is not None and injection.what == "crash":
            for name in refs:  # one of them crashes some time, nobody knows when
                sim.history.invoke(f"fate of {name}", "end", name, "crash")

        def look() -> str | None:
            holder = root.registry.whereis("key")
            return None if holder is None else holder.name

        async def ask(client: str, what: str, name: str) -> None:
            with suppress(GreenroomError):
                await sim.history.run(
                    client, what, lambda name: asked(refs[name], Does(what), None), name, fails=NeverBegun
                )
            await sim.history.run(client, "look", look)

        async def client(name: str, first: str, second: str) -> None:
            for what, who in (("take", first), ("give", first), ("take", second)):
                await ask(name, what, who)

        async def end() -> None:
            await steps(sim.choose([0, 3, 6]))
            await sim.history.run("c", "end", lambda name, how: end_somehow(refs[name], how), "x", how)
            await sim.history.run("c", "look", look)

        await together(sim, lambda: client("a", "x", "y"), lambda: client("b", "y", "x"), end)
        await sim.history.run("d", "look", look)
        sim.history.check(OneKey)


RECORDED: Final[tuple[Scenario, ...]] = (a_store_counts_over_restarts, a_key_is_in_one_hand)
