"""Testing: trees under a virtual clock, probes, and a check that nothing is left and no mail was overlooked.

With pytest and pytest-trio the fixtures come with the package, without an import:

    async def test_a_worker_answers(tree, probe):
        worker = tree.start_soon(Worker, name="worker")
        probe.tell(worker, Job(1))
        assert (await probe.expect(Done, within=3600)).job == 1

`tree` is a root supervisor like any other, `probe` an actor in it that records its mail. An hour passes at once: when all tasks wait, the clock
jumps. At the end of the test the tree is stopped, and then nothing of it may be left, neither a task nor a slot, permit, waiter, parked worker,
thread or child process; and mail that nobody handled has to be expected by the test. Options and expectations stand in a marker:

    @pytest.mark.greenroom(limits=Limits(max_actors=3), dead_letters={"stopped": 2}, virtual_clock=False)

Without pytest: `testing.run(main)`, and in it `async with testing.open_tree() as tree`.

Why is a dead letter a failure? In a program it may be right: an actor that stops does not handle what is left. In a test it is most often mail to
somebody who had just ended, which is the kind of bug that is seen nowhere else. So the test says that it knows.
"""

from typing import TYPE_CHECKING

from .._lazy import find_later

if TYPE_CHECKING:
    from ._errors import CheckFailed as CheckFailed
    from ._errors import DeadLettersOverlooked as DeadLettersOverlooked
    from ._errors import LeftBehind as LeftBehind
    from ._errors import Unexpected as Unexpected
    from ._leftovers import Leftover as Leftover
    from ._letters import LostMail as LostMail
    from ._probe import Probe as Probe
    from ._probe import Received as Received
    from ._run import run as run
    from ._tree import Tree as Tree
    from ._tree import open_tree as open_tree
else:
    __getattr__ = find_later(globals(), ("._errors", "._leftovers", "._letters", "._probe", "._run", "._tree"))

__all__ = [
    "CheckFailed",
    "DeadLettersOverlooked",
    "LeftBehind",
    "Leftover",
    "LostMail",
    "Probe",
    "Received",
    "Tree",
    "Unexpected",
    "open_tree",
    "run",
]
