"""Histories: milliseconds to check one of 8 clients with 100 operations each, which run at the same time all along."""

from random import Random
from statistics import median
from time import process_time
from typing import Any, Final

from greenroom.races import History, SequentialModel

CLIENTS: Final = 8
OPERATIONS: Final = 100
VALUES: Final = 5
HALF: Final = 0.5
KEYS: Final = 10
#: Histories of each kind in each round.
EACH: Final = 10
#: Milliseconds that a history without faults may take.
GOAL: Final = 30.0


class Register(SequentialModel):
    """Be a register."""

    initial = 0

    def apply(self, state: Any, name: str, args: tuple[Any, ...]) -> tuple[Any, Any]:
        """Write or read."""
        return (None, args[-1]) if name == "write" else (state, state)


class KeyValue(Register):
    """Be a register for each key."""

    def partition(self, name: str, args: tuple[Any, ...]) -> Any:
        """Return the key."""
        return args[0]


#: Name -> the model, how many keys, how likely it is that nobody hears of an end, and that an answer is wrong.
CASES: Final[dict[str, tuple[type[Register], int, float, float]]] = {
    "register": (Register, 0, 0.0, 0.0),
    "key-value": (KeyValue, KEYS, 0.0, 0.0),
    "key-value, 1 in 20 unknown": (KeyValue, KEYS, 0.05, 0.0),
    "key-value, a wrong answer": (KeyValue, KEYS, 0.0, 0.03),
}


def draw_history(seed: int, keys: int, doubt: float, wrong: float) -> History:
    """Record what clients do with registers that are as they should be: each operation takes effect some time between its begin and its end."""
    random, history = Random(seed), History()
    known: dict[int, int] = {}
    left, running = [OPERATIONS] * CLIENTS, dict[int, Any]()
    while any(left) or running:
        client = random.randrange(CLIENTS)
        if client not in running:
            if left[client]:
                left[client] -= 1
                key, is_write = random.randrange(keys or 1), random.random() < HALF
                args = [*([key] if keys else []), *([random.randrange(VALUES)] if is_write else [])]
                call = history.invoke(client, "write" if is_write else "read", *args)
                running[client] = [call, key, args[-1] if is_write else None, None, False]
            continue
        call, key, value, result, has_acted = running[client]
        if not has_acted:
            if value is not None:
                known[key] = value
            else:
                result = known.get(key, 0) if random.random() >= wrong else VALUES
            running[client][3:] = result, True
        else:
            del running[client]
            if random.random() < doubt:
                call.info()
            else:
                call.ok(result)
    return history


def measure_histories(rounds: int) -> dict[str, float]:
    """Return the median of milliseconds to check a history, for each case."""
    times: dict[str, list[float]] = {case: [] for case in CASES}
    for number in range(rounds):
        for case, (model, keys, doubt, wrong) in CASES.items():
            for seed in range(number * EACH, (number + 1) * EACH):
                history = draw_history(seed, keys, doubt, wrong)
                begun = process_time()
                found = history.check(model, raises=False)
                times[case].append(1e3 * (process_time() - begun))
                assert found.verdict == ("not linearizable" if wrong else "linearizable"), (case, seed)
    return {case: median(values) for case, values in times.items()}
