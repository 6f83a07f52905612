"""What an actor keeps of its mail."""

from collections import Counter
from typing import Any

from greenroom import DeadLetter, Supervisor


class Books:
    """Count what becomes of each mail."""

    def __init__(self, root: Supervisor) -> None:
        self.begun: Counter[Any] = Counter()
        self.dead: Counter[Any] = Counter()
        register = root.dead_letters
        add = register.add

        def keep(letter: DeadLetter) -> None:
            self.dead[letter.message] += 1
            add(letter)

        register.add = keep  # type: ignore[method-assign]
