"""What a check raises: failures of a test, which say what is wrong and what to do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._leftovers import Leftover
    from ._letters import LostMail


class CheckFailed(AssertionError):
    """Be the base of what the checks raise; pytest shows it as a failed test."""


class LeftBehind(CheckFailed):
    """Something of a tree was still there after its block had ended.

    Attributes:
        path: the tree's root.
        leftovers: what was left, each with its kind and its name.
    """

    def __init__(self, path: str, leftovers: "Sequence[Leftover]") -> None:
        super().__init__(path, leftovers)
        self.path, self.leftovers = path, tuple(leftovers)

    def __str__(self) -> str:
        """List what was left."""
        lines = "\n".join(f"  {leftover}" for leftover in self.leftovers)
        return f"{self.path}: left behind after the tree has ended:\n{lines}"


class DeadLettersOverlooked(CheckFailed):
    """There were other dead letters than the test expects.

    Attributes:
        path: the tree's root.
        differences: reason -> (expected, found); expected is None where the test said nothing.
        letters: the first of them, as text.
    """

    def __init__(
        self, path: str, differences: dict[str, tuple[int | None, int]], letters: "Sequence[LostMail]"
    ) -> None:
        super().__init__(path, differences, letters)
        self.path, self.differences, self.letters = path, differences, tuple(letters)

    def __str__(self) -> str:
        """Say which reasons differ, which letters these are, and what to write if they are right."""
        lines = [f"{self.path}: dead letters that the test does not expect:"]
        for reason, (expected, found) in self.differences.items():
            lines.append(f"  {reason}: {found}" + ("" if expected is None else f", expected {expected}"))
            lines += [f"    {letter}" for letter in self.letters if letter.reason == reason]
        example, (_, count) = next(iter(self.differences.items()))
        lines.append(f"If this is right: tree.expect_dead_letters({example!r}, {count})")
        return "\n".join(lines)


class Unexpected(CheckFailed):
    """A probe got something else than the test expects, or nothing.

    Attributes:
        probe: its path.
        expected: what was to come, as text.
        got: what came instead, as text; None if nothing came.
        before: the last messages that it had received before, as text.
    """

    def __init__(self, probe: str, expected: str, got: str | None, before: Sequence[str], within: float) -> None:
        super().__init__(probe, expected, got, before, within)
        self.probe, self.expected, self.got, self.before, self.within = probe, expected, got, tuple(before), within

    def __str__(self) -> str:
        """Say what was expected, what came, and what had come before."""
        got = f"nothing within {self.within:g} s" if self.got is None else self.got
        before = "".join(f"\n    {text}" for text in self.before)
        return f"{self.probe}: expected {self.expected}, got {got}" + (
            f"\n  received before:{before}" if before else ""
        )
