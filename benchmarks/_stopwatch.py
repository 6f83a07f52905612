"""A stopwatch for real and process time."""

from time import perf_counter, process_time

from ._sample import Sample


class Stopwatch:
    """Measure from its making to `stop`."""

    def __init__(self) -> None:
        self._cpu = process_time()
        self._real = perf_counter()

    def stop(self, done: int) -> Sample:
        """Return what `done` units of work took; read the clocks first."""
        real, cpu = perf_counter(), process_time()
        return Sample(done=done, seconds=real - self._real, cpu_seconds=cpu - self._cpu)
