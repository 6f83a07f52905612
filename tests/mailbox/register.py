"""The owner of a mailbox, and the dead letters that it keeps."""

from greenroom.mailbox import DeadLetter, DeadLetters


class Owner:
    """Own a mailbox, and keep its dead letters to look at."""

    path = "/stage/owner"
    uid = 7

    def __init__(self) -> None:
        self.buried: list[DeadLetter] = []
        self.dead_letters = Register(self.buried)


class Register(DeadLetters):
    def __init__(self, kept: list[DeadLetter]) -> None:
        super().__init__()
        self.kept = kept

    def add(self, letter: DeadLetter) -> None:
        super().add(letter)
        self.kept.append(letter)
