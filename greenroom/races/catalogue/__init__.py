"""The catalogue: known bugs of programs with actors, each as a small scenario with a twin that differs by the fix alone.

    for bug in CATALOGUE:
        print(bug.name, races.search(bug.broken))

It is what the searches are measured by: a bug that nobody finds is a fault of a search, and one that is found in a twin is a fault of the kit. All
pass under the default schedule; it takes another order of steps to see what is wrong. So it is also a list of what to look for in a program
of one's own, with the fix beside it.

Why is each written by hand, with a mailbox or a registry of its own? The bugs are those of programs, not of this runtime; a few stand on it,
where the bug is in what a user does with it. Each is one async function of 20 to 60 lines that depends on the schedule and on nothing else.
The fix is its one parameter: bug and twin are the same code.
"""

from ._bug import Bug as Bug
from ._bug import bug
from ._ending import (
    child_started_during_stop,
    late_failure_report,
    missed_between_snapshot_and_subscription,
    status_before_payload,
)
from ._locking import asking_in_a_circle, leaked_permit, lock_order
from ._naming import check_then_insert, slot_freed_too_early, stale_cleanup, stale_ready
from ._outliving import (
    monitor_without_flush,
    orphaned_grandchild,
    registered_after_its_end,
    timer_of_an_old_incarnation,
)
from ._restarting import double_start, interrupt_loses_mail, reordered_by_restart, reply_to_another_question
from ._settling import dropped_refresh, permits_in_a_storm, restart_storm, two_outcomes, unstash_loses
from ._sharing import (
    changed_while_iterated,
    read_modify_write,
    single_flight_without_a_pilot,
    three_way_needle,
    two_messages_for_one_change,
)
from ._waking import lost_wakeup, result_of_cancelled_waiter, woken_but_late, woken_for_another

__all__ = ["CATALOGUE", "Bug"]

#: All bugs, in no order that matters; their names do not change.
CATALOGUE: tuple[Bug, ...] = (
    bug(lost_wakeup),
    bug(woken_but_late),
    bug(woken_for_another),
    bug(result_of_cancelled_waiter),
    bug(check_then_insert),
    bug(stale_cleanup),
    bug(stale_ready),
    bug(slot_freed_too_early),
    bug(double_start),
    bug(reordered_by_restart),
    bug(interrupt_loses_mail),
    bug(reply_to_another_question),
    bug(late_failure_report),
    bug(child_started_during_stop),
    bug(status_before_payload),
    bug(missed_between_snapshot_and_subscription),
    bug(lock_order),
    bug(leaked_permit),
    bug(asking_in_a_circle),
    bug(read_modify_write),
    bug(two_messages_for_one_change),
    bug(changed_while_iterated),
    bug(single_flight_without_a_pilot),
    bug(orphaned_grandchild),
    bug(registered_after_its_end),
    bug(monitor_without_flush),
    bug(timer_of_an_old_incarnation),
    bug(restart_storm),
    bug(dropped_refresh),
    bug(unstash_loses),
    bug(permits_in_a_storm),
    bug(two_outcomes),
    bug(three_way_needle, needle=True),
)
