"""The ways that a program has gone, as a tree: when no branch of it is untried, there are no others."""

from typing import Any, Final

from ._result import Result

#: Choices in the tree past which it is given up: a program of that size is not tried out.
MOST: Final = 1_000


class Ways:
    """Grow by each run, and tell when the tree is whole.

    A node is a list: for each index of a choice None as long as it has not been taken, True once all ways through it have been gone, else a node.
    """

    def __init__(self) -> None:
        self._root: Any = None
        self._size = 0

    @property
    def is_whole(self) -> bool:
        """True if the program has gone all ways that it has."""
        return self._root is True

    def add(self, result: Result) -> None:
        """Take in a run."""
        if self._size > MOST or self._root is True:
            return
        path: list[tuple[list[Any], int]] = []
        node = self._root
        for choice in result.choices:
            if node is None:
                node = [None] * len(choice.labels)
                self._size += 1
                if path:
                    above, index = path[-1]
                    above[index] = node
                else:
                    self._root = node
            if node is True or choice.index >= len(node):
                return  # gone before, or not the same program twice
            path.append((node, choice.index))
            node = node[choice.index]
        whole: Any = True
        while path:
            node, index = path.pop()
            node[index] = whole
            whole = True if all(each is True for each in node) else node
        self._root = whole
