"""Benchmarks: what actors cost, next to the same work written by hand with Trio's own means.

Why ratios? Absolute figures say more of the machine than of the code. Both systems do the same work in the same run, each measurement in a fresh
process, in interleaved rounds, so that whatever slows the machine down slows both; the ratio of a round compares two measurements that stand
seconds apart. The goals are ratios for the same reason.

What is fair? The hand-written side is what a user of Trio would write without a library: a task per actor in a nursery, a memory channel as its
mailbox, a reply channel per asker. Both sides count what they have done, and a measurement whose counts are wrong is an error, not a figure. The
clock runs from the first message (or start) to the moment when all the work is known to be done; starting the interpreter, importing, and setting up
are not in it, and a small run of the same comes first, so that both sides are measured in their steady state (not where memory is weighed).

Some figures are factors: how much longer something takes than the least that it could (agents that wait for a slow service), or than the same with
nobody who looks. A sample measures both, in turn; the goal is the factor itself, and the hand-written side shows what the means themselves cost.

What many idle actors cost is measured in two processes that take turns (`_herd.py`), as one process cannot have both many of them and few; a million
of them, by `python -m benchmarks.million`. `python -m benchmarks.guard` holds short rounds of some workloads to bounds.
`benchmarks.peers` has the workloads of messages and actors next to asyncio's means and to other libraries.

    python -m benchmarks --rounds 5 --workloads tell,ask --output results.json
"""
