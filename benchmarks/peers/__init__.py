"""Peers: greenroom next to other ways of having actors in Python, and next to what is written by hand with asyncio's means and with Trio's.

The workloads are those of `benchmarks`, and so are greenroom's side of them and the hand-written one on Trio. Each peer has a file with its side, as
its documentation would have it written; all do the same work and count what they have done, and a measurement whose counts are wrong is an error,
not a figure. Each (system, workload) is measured in a process of its own, in interleaved rounds; figures are rates, so a slow peer may do less of the
same. What a peer cannot do is a dash, and below the table it says why; a peer that cannot be installed is told with pip's word, and the others go on.

Peers live in an environment of their own (`.venv-peers`, made when there is none), at the versions that requirements.txt names: nothing of them is in
the project's.

    python -m benchmarks.peers --rounds 5 --peers pykka,tapio --workloads tell,ask --output results.json
"""
