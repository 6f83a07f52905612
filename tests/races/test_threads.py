"""What a scenario gives to threads: inline and exact, refused by name, or real and told so."""

import contextvars
import threading
from pathlib import Path
from typing import Any, Literal

import pytest
import trio

from greenroom import races
from greenroom.races import Sim, _threads
from greenroom.races._decider import Walk
from greenroom.races._run import Terms, run_once
from greenroom.races._threads import ThreadWork

Backend = Literal["hook", "gate"]
BACKENDS: tuple[Backend, ...] = ("hook", "gate")
to_thread = trio.to_thread.run_sync


def test_the_installed_trio_lets_itself_be_hooked() -> None:
    assert _threads.threads_work()


@pytest.mark.parametrize("backend", BACKENDS)
def test_inline_runs_in_the_loops_own_thread_in_the_step_that_asks(backend: Backend) -> None:
    async def scenario(sim: Sim) -> tuple[int, bool]:
        at = sim.steps
        steps, ident = await to_thread(lambda: (sim.steps, threading.get_ident()))
        return ident, steps == at + 1  # Trio has a checkpoint before

    result = races.run(scenario, backend=backend)
    assert result.value == (threading.get_ident(), True)
    assert result.uncontrolled == frozenset()


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_goes_on_before_an_end_is_heard_of_is_a_choice_and_replays_exactly(backend: Backend) -> None:
    async def scenario(sim: Sim) -> list[str]:
        seen: list[str] = []

        async def ask(name: str) -> None:
            await to_thread(seen.append, f"{name} begins")
            seen.append(f"{name} ends")

        async with trio.open_nursery() as nursery:
            for name in "abc":
                nursery.start_soon(ask, name)
        return seen

    orders = set[tuple[str, ...]]()
    for seed in range(200):
        result = run_once(scenario, (), Walk(seed), Terms(backend=backend))
        orders.add(tuple(result.value))
        assert races.run(scenario, schedule=result.schedule.token, backend=backend).value == result.value
    assert len(orders) > 30


def test_both_backends_go_the_same_way() -> None:
    async def scenario(sim: Sim) -> None:
        async def ask() -> None:
            for _ in range(2):
                await to_thread(int)

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)

    for seed in range(50):
        hook, gate = (run_once(scenario, (), Walk(seed), Terms(backend=backend)) for backend in BACKENDS)
        assert hook == gate


def test_a_cancellation_comes_while_a_thread_works() -> None:
    """With `abandon_on_cancel` it is not waited for; without, it is."""
    abandoned = {True: 0, False: 0}

    async def scenario(sim: Sim, *, abandon: bool) -> None:
        with sim.scope("victim"):
            done = False
            try:
                assert await to_thread(lambda: "done", abandon_on_cancel=abandon) == "done"
                done = True
            finally:
                abandoned[abandon] += not done
            await trio.lowlevel.checkpoint()
        assert await to_thread(lambda: "again") == "again"

    for abandon in (True, False):

        async def one(sim: Sim, abandon: bool = abandon) -> None:
            await scenario(sim, abandon=abandon)

        sweep = races.cancel_everywhere(one, schedules=3)
        assert not sweep.failures, str(sweep)
    assert abandoned[True] > abandoned[False]


def test_values_errors_context_and_limiters_are_as_in_a_thread() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    async def scenario(sim: Sim) -> None:
        variable.set("outer")

        def work() -> str:
            assert variable.get() == "outer"
            variable.set("inner")
            trio.from_thread.check_cancelled()
            return "value"

        limiter = trio.CapacityLimiter(1)
        assert await to_thread(work, limiter=limiter) == "value"
        assert variable.get() == "outer"
        with pytest.raises(ZeroDivisionError):
            await to_thread(lambda: 1 // 0, limiter=limiter)

        async def use() -> None:
            await to_thread(int, limiter=limiter)

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(use)
        assert limiter.borrowed_tokens == 0

        async def no_function() -> None: ...

        with pytest.raises(TypeError, match="expected a sync function"):
            await to_thread(no_function)  # type: ignore[unused-coroutine]

    found = races.search(scenario, schedules=100)
    assert found is None, str(found)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once nothing can go on but a thread, and the kit looks whether one works: a thread that waits for it is late for sure."""
    event = threading.Event()
    plain: Any = vars(ThreadWork)["is_awaited"]

    def is_awaited(work: ThreadWork) -> Any:
        event.set()
        return plain.fget(work)

    monkeypatch.setattr(ThreadWork, "is_awaited", property(is_awaited))
    return event


def test_a_limiter_of_ones_own_is_no_deadlock_while_a_thread_works(looked: threading.Event) -> None:
    async def scenario(sim: Sim) -> str:
        await to_thread(looked.wait, limiter=trio.CapacityLimiter(1))
        return "done"

    assert races.run(scenario, threads="real").value == "done"


def test_a_thread_that_the_scenario_starts_itself_is_waited_for_and_told(looked: threading.Event) -> None:
    async def scenario(sim: Sim) -> str:
        done = trio.Event()
        token = trio.lowlevel.current_trio_token()

        def work() -> None:
            looked.wait()
            token.run_sync_soon(done.set)

        threading.Thread(target=work).start()
        await done.wait()
        return "done"

    result = races.run(scenario)
    assert result.value == "done"
    assert result.uncontrolled == {"threads"}


def test_files_are_read_and_written_inline(tmp_path: Path) -> None:
    async def scenario(sim: Sim) -> None:
        path = trio.Path(tmp_path / "file")
        await path.write_text("text", encoding="utf-8")
        async with await path.open(encoding="utf-8") as file:
            assert await file.read() == "text"

    found = races.search(scenario, schedules=50)
    assert found is None, str(found)


def test_from_thread_calls_a_function_and_refuses_to_wait_for_an_async_one() -> None:
    async def waits() -> None: ...

    async def scenario(sim: Sim) -> str:
        seen: list[Any] = []
        token = trio.lowlevel.current_trio_token()

        def work() -> str:
            trio.from_thread.run_sync(seen.append, trio.lowlevel.current_task())
            trio.from_thread.run_sync(seen.append, 1, trio_token=token)
            with pytest.raises(ZeroDivisionError):
                trio.from_thread.run_sync(lambda: 1 // 0)
            trio.from_thread.run(waits)
            return "never"

        with pytest.raises(races.ThreadRefused) as caught:
            await to_thread(work)
        assert seen == [trio.lowlevel.current_task(), 1]
        return str(caught.value)

    text = races.run(scenario).value
    assert "work runs inline, in the loop's own thread, and cannot wait for the loop; give threads='real'" in text
    result = races.run(scenario, threads="real")
    assert result.failed


def named() -> None: ...


def test_refuse_names_the_function_and_says_what_to_give() -> None:
    async def scenario(sim: Sim) -> None:
        await to_thread(named)

    result = races.run(scenario, threads="refuse")
    assert type(result.error) is races.ThreadRefused
    assert str(result.error) == (
        "named was given to a thread, and threads='refuse'; give threads='inline' to have it run within the step, or threads='real'"
    )

    async def other(sim: Sim) -> None:
        await to_thread(len, "text", thread_name="thread 7")

    assert str(races.run(other, threads="refuse").error).startswith("len was given to a thread")


def test_real_threads_run_in_threads_and_are_told() -> None:
    async def scenario(sim: Sim) -> int:
        return await to_thread(threading.get_ident)

    result = races.run(scenario, threads="real")
    assert result.value != threading.get_ident()
    assert result.uncontrolled == {"threads"}


def test_a_trio_run_in_an_inline_function_is_refused_clearly() -> None:
    async def inner() -> None: ...

    async def scenario(sim: Sim) -> None:
        await to_thread(trio.run, inner)

    result = races.run(scenario)
    assert type(result.error) is races.ThreadRefused
    assert (
        str(result.error)
        == "run runs inline, in the loop's own thread, which has a Trio run already; give threads='real'"
    )
    assert not races.run(scenario, threads="real").failed


def test_other_trio_runs_meanwhile_have_their_threads() -> None:
    """A run in another thread, while one that is inline goes on in this."""
    idents: list[int] = []

    async def ask() -> None:
        idents.extend([await to_thread(threading.get_ident), threading.get_ident()])

    async def scenario(sim: Sim) -> int:
        thread = threading.Thread(target=trio.run, args=(ask,))
        thread.start()
        thread.join()
        return await to_thread(threading.get_ident)

    assert races.run(scenario).value == threading.get_ident()
    assert idents[0] not in (idents[1], threading.get_ident())


def test_trio_is_left_as_it_was() -> None:
    module = _threads.trio_threads
    before = module.start_thread_soon, module._send_message_to_trio

    async def scenario(sim: Sim) -> None:
        assert module.start_thread_soon is not before[0]

    assert not races.run(scenario).failed
    assert (module.start_thread_soon, module._send_message_to_trio) == before

    async def plain() -> int:
        return await to_thread(threading.get_ident)

    assert trio.run(plain) != threading.get_ident()


async def through_a_thread(sim: Sim) -> None:
    lines = list[int]()

    async def add() -> None:
        if not lines:
            await to_thread(int)
            lines.append(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(add)
        nursery.start_soon(add)
    assert len(lines) == 1


def test_a_schedule_of_one_setting_under_another_is_a_changed_program() -> None:
    found = races.search(through_a_thread)
    assert found is not None
    with pytest.raises(races.ProgramChanged, match=r"it has to do with threads, whose order is not controlled"):
        races.run(through_a_thread, schedule=found.token, threads="real")


def test_a_word_that_is_none_of_the_three_is_refused() -> None:
    calls: list[Any] = [races.run, races.check, races.search, races.cancel_everywhere, races.crash_everywhere]
    for call in calls:
        with pytest.raises(ValueError, match="threads is 'virtual'; give 'inline', 'refuse' or 'real'"):
            call(through_a_thread, threads="virtual")
    word: Any = "virtual"
    with pytest.raises(ValueError, match="threads is 'virtual'"):
        races.explore(threads=word)(through_a_thread)()


def test_every_entry_hands_it_on() -> None:
    seen: list[bool] = []

    async def scenario(sim: Sim) -> None:
        with sim.scope("victim"):
            seen.append(await to_thread(threading.get_ident) == threading.get_ident())

    races.search(scenario, schedules=2, threads="real")
    races.search(scenario, schedules=2, threads="real", mode="isolated")
    races.check(scenario, threads="real")
    races.explore(schedules=2, threads="real")(scenario)()
    races.cancel_everywhere(scenario, threads="real")
    assert seen
    assert not any(seen)
