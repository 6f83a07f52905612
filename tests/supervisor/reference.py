"""A reference interpreter of one supervisor with plain children: what others do to it, and what follows by the rules.

What it predicts of each child after each event is where it is, in which incarnation, and when it is started again.
"""

from collections.abc import Callable

import attrs

from .kid import Kid
from .rules import Rules


@attrs.define(eq=False)
class Reference(Rules):
    """Take what others do."""

    def kid(self, name: str) -> Kid | None:
        return next((each for each in self.kids if each.name == name), None)

    def tell(self, name: str, message: str) -> bool:
        kid = self.kid(name)
        if kid is None or kid.life in ("parked", "stopping"):
            return False
        kid.mail.append(message)
        self.soon(lambda: self.handle(kid))
        return True

    def terminate(self, name: str) -> None:
        kid = self.kid(name)
        if kid is None or kid.life == "parked" or kid.admin:
            return
        self.stop(kid)

    def restart_child(self, name: str, told: Callable[[str], None]) -> None:
        kid = self.kid(name)
        if kid is None:
            told("ChildNotFound")
        elif kid.life == "parked":
            if self.life != "ready" or self.reason:
                told("ActorStopping" if self.reason else "refused")
                return
            kid.awaited, kid.on_start = True, told
            self.launch(kid)
        else:
            told(self.not_parked(kid))

    def delete(self, name: str) -> str:
        kid = self.kid(name)
        if kid is None:
            return "ChildNotFound"
        if kid.life == "parked":
            self.forget(kid)
            return ""
        return self.not_parked(kid)

    def not_parked(self, kid: Kid) -> str:
        if kid.life == "stopping":
            return "ActorStopping"
        by_hand = kid.awaited
        if not by_hand and (
            kid.life == "restarting" or (kid.life in ("queued", "initializing") and kid.incarnation > 1)
        ):
            return "Restarting"
        return "AlreadyRunning"

    def start(self, kid: Kid) -> str:
        if self.life != "ready" or self.to_close is not None:
            return "refused"
        if self.kid(kid.name) is not None:
            return "NameInUse"
        self.kids.append(kid)
        self.launch(kid)
        return ""

    def crash(self) -> bool:
        """Let the supervisor itself fail."""
        if self.life not in ("initializing", "ready") or self.reason:
            return False
        self.end_team("crash")
        return True
