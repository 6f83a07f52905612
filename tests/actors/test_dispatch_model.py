"""Section 7: any list of calls, against what each of them does alone."""

from typing import Any

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from greenroom import Call, Context, Dispatch, Tool, Traits
from greenroom.testing import open_tree, run

from .boss import Boss
from .tools import Arguments


@attrs.frozen
class Behaviour:
    """What one call is, does, and is told by the approver."""

    flags: Traits
    seconds: int
    fails: bool
    plain: bool
    answer: bool


BEHAVIOURS = st.builds(
    Behaviour,
    flags=st.builds(
        Traits,
        **dict.fromkeys(
            ("blocked", "needs_approval", "interactive", "read_only", "parallel_safe", "detached", "cancels"),
            st.booleans(),
        ),
    ),
    seconds=st.integers(0, 2),
    fails=st.booleans(),
    plain=st.booleans(),
    answer=st.booleans(),
)


def expected_kind(behaviour: Behaviour, mode: str) -> str:
    if behaviour.flags.blocked:
        return "refused"
    if behaviour.flags.needs_approval and (mode == "deny" or (mode == "ask" and not behaviour.answer)):
        return "denied"
    return "errored" if behaviour.fails else "completed"


@given(behaviours=st.lists(BEHAVIOURS, max_size=8), mode=st.sampled_from(["ask", "auto", "deny"]))
def test_any_list_of_calls_has_the_results_of_its_calls_and_no_two_batches_overlap(
    behaviours: list[Behaviour], mode: Any
) -> None:
    log: list[tuple[str, int]] = []

    class Acts(Tool):
        name = "acts"

        def traits(self, arguments: Arguments) -> Traits:
            return behaviours[arguments["n"]].flags

        def run(self, arguments: Arguments, ctx: Context) -> Any:
            n = arguments["n"]
            log.append(("begins", n))
            return self.end(n) if behaviours[n].plain else self.later(n)

        async def later(self, n: int) -> int:
            await trio.sleep(behaviours[n].seconds)
            return self.end(n)

        def end(self, n: int) -> int:
            log.append(("ends", n))
            if behaviours[n].fails:
                raise OSError(n)
            return n

    made = Dispatch(
        [Call(f"c{n}", "acts", {"n": n}) for n in range(len(behaviours))],
        tools=[Acts()],
        approver=lambda request: behaviours[request.arguments["n"]].answer,
    )

    async def main() -> None:
        async with open_tree("stage", approval=mode) as root:
            began = trio.current_time()
            await (await root.start(Boss)).run_turn(made.run)
            root.reports.drain()
            waits = [[behaviours[n].seconds for n in ran(batch) if not behaviours[n].plain] for batch in made.batches]
            assert trio.current_time() - began == pytest.approx(sum(max(each, default=0) for each in waits))

    def ran(batch: range) -> list[int]:
        return [n for n in batch if expected_kind(behaviours[n], mode) in {"completed", "errored"}]

    run(main)
    assert [(result.id, result.kind) for result in made.results] == [
        (f"c{n}", expected_kind(behaviour, mode)) for n, behaviour in enumerate(behaviours)
    ]
    assert [result.value for result in made.results if result.kind == "completed"] == [
        n for n, behaviour in enumerate(behaviours) if expected_kind(behaviour, mode) == "completed"
    ]
    # Batch after batch; in each, all begin, in order, before the first that waits has ended.
    at = 0
    for batch in made.batches:
        events, at = log[at : at + 2 * len(ran(batch))], at + 2 * len(ran(batch))
        assert [n for what, n in events if what == "begins"] == ran(batch)
        assert sorted(n for what, n in events if what == "ends") == ran(batch)
    assert at == len(log)
