"""Mailboxes: where a message waits.

The lowest room of the house. It knows messages, lanes and bounds, and nothing of who handles them: a mailbox has an owner with a path
and a uid, and that is all. Accepting and taking are apart, so that mail is at every moment in exactly one place: waiting, in hand,
handled, or a dead letter with its reason.
"""

from ._bundle import Bundle as Bundle
from ._checks import is_count as is_count
from ._checks import is_seconds as is_seconds
from ._checks import shown as shown
from ._choices import CHOICES as CHOICES
from ._choices import ChoiceKind as ChoiceKind
from ._choices import Choices as Choices
from ._choices import Chore as Chore
from ._dead_letters import DeadLetter as DeadLetter
from ._dead_letters import DeadLetterFeed as DeadLetterFeed
from ._dead_letters import DeadLetters as DeadLetters
from ._dead_letters import DeadReason as DeadReason
from ._door import Addressee as Addressee
from ._errors import GreenroomError as GreenroomError
from ._errors import InvalidSpec as InvalidSpec
from ._errors import MailboxFull as MailboxFull
from ._lanes import NOTHING as NOTHING
from ._mail import Envelope as Envelope
from ._mail import Letter as Letter
from ._mail import Mail as Mail
from ._mail import MailKind as MailKind
from ._mailbox import Mailbox as Mailbox
from ._overflow import judge_overflow as judge_overflow
from ._owned import OwnedMailbox as OwnedMailbox
from ._rare import NOTHING_RARE as NOTHING_RARE
from ._rare import NOTHING_SHUT as NOTHING_SHUT
from ._rebinding import rebind as rebind
from ._spec import PLAIN as PLAIN
from ._spec import Key as Key
from ._spec import MailboxSpec as MailboxSpec
from ._spec import Overflow as Overflow
from ._watched import watched as watched
