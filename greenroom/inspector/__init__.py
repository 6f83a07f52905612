"""The inspector: a socket through which `greenroom top` looks into a running program.

    async with open_supervisor("shop") as root, open_inspector(root, "/run/user/1000/shop.sock"):
        ...

Nothing is opened unless the program asks for it. The socket is a file of mode 0600, and who connects has to be the user as whom the program
runs; nothing can be changed through it. Looking is bounded in time and space, whatever the size of the tree and whoever reads: a reader asks for one
frame after the other, so nothing piles up for one that does not read; the tree is gone through in short steps, and most of the time none; a frame
has a largest size, and what does not fit is counted.

Needs nothing but the runtime; `greenroom top` needs the extra `greenroom[cli]`.
"""

from ._frame import Ended as Ended
from ._frame import Frame as Frame
from ._frame import Restarts as Restarts
from ._frame import Row as Row
from ._open import Inspector as Inspector
from ._open import open_inspector as open_inspector
from ._socket import SocketRefused as SocketRefused

__all__ = ["Ended", "Frame", "Inspector", "Restarts", "Row", "SocketRefused", "open_inspector"]
