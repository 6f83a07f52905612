"""What is not controlled is told; what can be, is."""

import random
import socket
import sys

import pytest
import trio

from greenroom import races
from greenroom.races import Sim
from greenroom.races._decider import Walk
from greenroom.races._run import run_once

checkpoint = trio.lowlevel.checkpoint


async def over_a_socket(sim: Sim) -> bytes:
    ours, theirs = trio.socket.socketpair()
    with ours, theirs:
        async with trio.open_nursery() as nursery:

            async def answer() -> None:
                await checkpoint()
                await theirs.send(b"word")

            nursery.start_soon(answer)
            return await ours.recv(4)


def test_who_waits_for_a_socket_while_all_wait_is_told() -> None:
    assert races.run(over_a_socket).value == b"word"
    assert races.run(over_a_socket).uncontrolled == {"sockets or processes"}


def test_who_waits_for_a_socket_while_others_go_on_is_told_too() -> None:
    async def scenario(sim: Sim) -> None:
        ours, theirs = trio.socket.socketpair()
        with ours, theirs:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ours.recv, 1)
                for _ in range(30):
                    await checkpoint()
                theirs._sock.send(b"x")  # type: ignore[attr-defined]  # in the very step

    assert races.run(scenario).uncontrolled == {"sockets or processes"}


def test_a_process_is_told() -> None:
    async def scenario(sim: Sim) -> int:
        return (await trio.run_process([sys.executable, "-c", "pass"])).returncode

    result = races.run(scenario)
    assert result.value == 0
    assert result.uncontrolled == {"sockets or processes"}


def test_nothing_is_told_of_what_is_controlled() -> None:
    async def scenario(sim: Sim) -> None:
        ours, theirs = socket.socketpair()
        ours.close()
        theirs.close()
        for _ in range(100):
            await checkpoint()
        await trio.sleep(1)
        await trio.to_thread.run_sync(int)

    assert races.run(scenario).uncontrolled == frozenset()


def test_a_changed_program_says_what_is_not_controlled() -> None:
    with pytest.raises(
        races.ProgramChanged, match="; it has to do with sockets or processes, whose order is not controlled"
    ):
        races.run(over_a_socket, schedule="r1::00000000")
    with pytest.raises(races.ProgramChanged) as caught:
        races.run(uses_random, schedule="r1::00000000")
    assert "not controlled" not in str(caught.value)


async def uses_random(sim: Sim) -> list[float]:
    values = [random.random(), random.gauss(0, 1), float(random.randrange(10))]
    if values[2] >= 5:
        await checkpoint()
    return values


def test_random_is_the_same_in_each_run_and_is_put_back() -> None:
    random.seed(7)
    expected = [random.random() for _ in range(4)]
    random.seed(7)
    seen = [random.random()]
    values = [races.run(uses_random).value]
    seen.append(random.random())
    random.gauss(0, 1)  # which keeps a second number for the next call
    values.append(races.run(uses_random).value)
    values.append(run_once(uses_random, (), Walk(3)).value)
    random.seed(7)
    for _ in seen:
        random.random()
    assert races.search(uses_random, schedules=20) is None
    assert races.search(uses_random, schedules=20, mode="isolated") is None
    seen.append(random.random())
    races.cancel_everywhere(drawing_in_a_scope)
    seen.append(random.random())
    assert values == [values[0]] * 3
    assert seen == expected


async def drawing_in_a_scope(sim: Sim) -> None:
    with sim.scope("victim"):
        random.shuffle([1, 2, 3])
        await checkpoint()


def test_a_failure_by_random_is_found_and_replayed_in_one_process() -> None:
    async def scenario(sim: Sim) -> None:
        done: list[int] = []

        async def late() -> None:
            for _ in range(random.randrange(2, 6)):
                await checkpoint()
            done.append(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(late)
            for _ in range(random.randrange(2, 6)):
                await checkpoint()
            early = not done
            nursery.cancel_scope.cancel()
        assert early

    found = races.search(scenario, schedules=300)
    assert found is not None
    for _ in range(3):
        assert races.run(scenario, schedule=found.token).failed
