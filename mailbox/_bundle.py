"""Bundles: several requests of one asker to one actor, as one thing in its mailbox.

It lies in a lane once for each of them, so that places go on to tell seqs. What more than its place is asked of one of them, that one is taken out,
as a letter of its own: that of those in the lane when the mailbox leaves the fast mode, that in hand when somebody asks for it.
"""

from ._mail import Letter


class Bundle:
    """Stand in a lane for letters that nobody has had to make yet; for the next of them each time that it lies there. All of it is plain."""

    __slots__ = ()

    def make_next(self, seq: int) -> Letter:
        """Return the letter of the next one that waits, and stand for it no longer."""
        raise NotImplementedError

    def make_in_hand(self, seq: int) -> Letter:
        """Return the letter of the one that is in hand, and stand for it no longer."""
        raise NotImplementedError
