"""What the race kit promises, row by row, each measured and held against its goal: `python -m benchmarks.kit`."""
