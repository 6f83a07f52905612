"""A run of the fan-out: the tree, the interrupt in the middle, the account, and what becomes of the process."""

import json
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import cast

import attrs
import trio

from crew import Account, Chief, Entry, Settle, Shelf, Survey, often_in
from greenroom import ActorInfo, Limits, Supervisor, open_supervisor
from options import Options
from screen import Screen, make_screen

FINE = 0
FAILED = 1
#: Agents in a turn, and startups, at once.
RUNNING_TURNS = 16
STARTUPS = 32
#: Seconds between two looks at the tree; what changes meanwhile is one change.
BREATH = 0.05
#: Seconds after which it is shown again though nothing has changed: the time has.
TICK = 0.2
#: What may become of a call without anybody having failed.
HARMLESS = {"completed", "interrupted", "not begun"}
#: Commonest words that are shown.
WORDS = 5


@attrs.define
class Outcome:
    """Hold what a run has come to: the exit status, the account if there is one, and what went wrong."""

    code: int = FINE
    account: Account | None = None
    errors: list[str] = attrs.field(factory=list[str])


class Telling(logging.Handler):
    """Show on the screen what is logged."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(logging.INFO)
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record, by the path of who it is about."""
        self._screen.say(getattr(record, "path", record.name), record.getMessage())


def run(options: Options) -> int:
    """Run it, print the account, and return the exit status."""
    screen = make_screen(plain=options.plain, expected=options.readers)
    telling = Telling(screen)
    logging.getLogger().addHandler(telling)
    logging.getLogger("crew").setLevel(logging.INFO)
    outcome = Outcome()
    try:
        with screen:
            trio.run(_run, options, screen, outcome)
        if outcome.account is not None:
            for line in account_lines(outcome.account):
                screen.print(line)
    finally:
        logging.getLogger().removeHandler(telling)
    if screen.lost is not None:
        # Nobody reads: the interpreter's own last flush must not complain of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        outcome.code = outcome.code or FAILED
    for error in outcome.errors:
        print(f"fanout: {error}", file=sys.stderr)
    if outcome.account is not None and options.account is not None:
        options.account.write_text(json.dumps(as_plain_data(outcome.account), indent=1) + "\n", encoding="utf-8")
    return outcome.code


async def _run(options: Options, screen: Screen, outcome: Outcome) -> None:
    """Run the tree until the account is made, or a signal, a failure or a lost screen ends it, in order."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()
            screen.on_lost = scope.cancel

            async def hear() -> None:
                async for number in signals:
                    again = outcome.code > 128  # noqa: PLR2004 -- a signal's
                    outcome.code = outcome.code if again else 128 + number
                    screen.say(
                        "fanout", "still stopping" if again else f"{signal.Signals(number).name}: stopping the tree"
                    )
                    scope.cancel()

            nursery.start_soon(hear)
            with scope:
                try:
                    await _perform(options, screen, outcome)
                except* Exception as group:  # noqa: BLE001 -- told to the user, by its text
                    outcome.code = FAILED
                    outcome.errors += [f"{type(leaf).__name__}: {leaf}" for leaf in leaves(group)]
            nursery.cancel_scope.cancel()


async def _perform(options: Options, screen: Screen, outcome: Outcome) -> None:
    limits = Limits(
        max_actors=options.readers + options.servers + 2,
        max_depth=2,
        max_running_turns=RUNNING_TURNS,
        max_concurrent_startups=STARTUPS,
    )
    async with open_supervisor("fanout", limits=limits) as root, trio.open_nursery() as nursery:
        reached = trio.Event()
        nursery.start_soon(_watch, root, screen, options, reached)
        shelves = [
            root.start_soon(Shelf, options.folder, options.pace, name=f"shelf-{n}", restart="permanent")
            for n in range(1, options.servers + 1)
        ]
        chief = root.start_soon(Chief, shelves, options.readers, name="chief")
        chief.tell(Survey())
        if options.interrupt_at is not None:
            await reached.wait()
            hit = await chief.interrupt(cascade=True)
            screen.say("fanout", "interrupts the chief, and all below it" if hit else "comes too late to interrupt")
        outcome.account = await chief.ask(Settle())
        outcome.code = FINE if all(entry.outcome in HARMLESS for entry in outcome.account.entries) else FAILED
        nursery.cancel_scope.cancel()
        screen.show(root.snapshot(), is_last=True)
        root.reports.drain()  # who crashed was told by the log, and is in the account


async def _watch(root: Supervisor, screen: Screen, options: Options, reached: trio.Event) -> None:
    """Show the latest state, and say when so many have finished that it is time to interrupt."""
    async with root.subscribe() as feed:
        tree: ActorInfo | None = await anext(feed)
        while tree is not None:
            screen.show(tree)
            if screen.finished >= options.readers * (options.interrupt_at or 0) / 100:
                reached.set()
            await trio.sleep(BREATH)
            with trio.move_on_after(TICK):  # a delivery that is broken off is not lost
                tree = await anext(feed, None)


def leaves(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    """Iterate over the exceptions of a group, and of the groups in it."""
    for each in group.exceptions:
        if isinstance(each, ExceptionGroup):
            yield from leaves(cast("ExceptionGroup[Exception]", each))
        else:
            yield cast("Exception", each)


def account_lines(account: Account) -> Iterator[str]:
    """Lay out an account: neighbours of which the same can be told share a line, so that no call is left out."""
    entries = account.entries
    yield ""
    yield f"The account: {len(entries)} calls, {len(entries)} results"
    for (call, outcome, cause), found in groupby(entries, lambda entry: (entry.call, entry.outcome, entry.cause)):
        some = list(found)
        which = some[0].id if len(some) == 1 else f"{some[0].id} to {some[-1].id}"
        told = outcome if not cause else cause if cause.startswith(outcome) else f"{outcome}: {cause}"
        yield f"  {which:<24}{len(some):>5}  {'started, ' if is_reader(some[0]) and call == 'completed' else ''}{told}"
    readers = Counter(entry.outcome for entry in entries if is_reader(entry))
    yield f"readers  {', '.join(f'{count} {kind}' for kind, count in sorted(readers.items())) or 'none'}"
    findings = account.findings()
    lines, words = (sum(getattr(each, name) for each in findings) for name in ("lines", "words"))
    yield f"read     {lines:,} lines of {words:,} words"
    yield f"often    {', '.join(f'{word} ({count})' for word, count in often_in(findings, WORDS)) or 'nothing'}"
    path, number, text = max((each.longest for each in findings), key=lambda place: len(place[2]), default=("", 0, ""))
    if path:
        yield f"longest  {path}, line {number}: {len(text)} characters"


def is_reader(entry: Entry) -> bool:
    """Return whether an entry is about a reader."""
    return entry.id.startswith("part-")


def as_plain_data(account: Account) -> list[dict[str, object]]:
    """Return an account for JSON."""
    return [attrs.asdict(entry) for entry in account.entries]
