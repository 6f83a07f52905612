"""How well `greenroom.races` finds, how fast it runs, and whether what it finds can be seen again: `python -m benchmarks.finding`."""
