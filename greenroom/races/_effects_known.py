"""What a call of each of the runtime's functions touches. What is not here touches all.

A word is the name of something that a tree has one of, such as its books ("tree"); "<" is before it if that is only looked at. "@x" is the slot in
the local variable x, and who waits for a change of it; "&x" is the slot, which is only looked at; "%x" likewise, and who waits is changed; "+x" is
touched only if it has had nothing but the plainest so far; ">x" are all slots that x waits for, one after the other, which are only looked at. "^"
before such a word: not where a call only goes on after a wait.
"""

from typing import Final

#: What a call has touched: nothing that is another's, or all that there is.
NOTHING: Final = ""
ALL: Final = "*"

#: The runtime's functions that are in the loop of an actor, by module; what is not here touches ALL. "@x" is the slot in the local variable x.
KNOWN: Final[dict[str, dict[str, str]]] = {
    "actors/_pool.py": {
        "Pool.enqueue": NOTHING, "Pool.kick": NOTHING, "Worker.run": NOTHING, "Worker._loop": NOTHING, "Worker._park": NOTHING,
        "Worker.breathe": NOTHING, "Worker.attend": "@slot", "Worker.__init__": NOTHING,
    },
    "actors/_solo.py": {
        "OwnQueue.kick": NOTHING, "OwnQueue.enqueue": NOTHING, "Solo.run": NOTHING, "Solo._live": "^@slot", "Solo._serve": "^@slot",
        "Solo._rest": "@slot", "Solo._park": NOTHING, "Solo.startup_limit": NOTHING, "Solo.breathe": NOTHING,
    },
    "actors/_watch.py": {
        "Watch.__init__": NOTHING, "Watch.__await__": NOTHING, "Watch.__iter__": NOTHING, "Watch.__next__": NOTHING,
        "Watch.send": NOTHING,
    },
    "actors/_awake.py": {"Awake.unwrap": NOTHING},
    "actors/_parking.py": {"choose_park.<locals>._park": NOTHING},
    "actors/_runner.py": {
        "Runner.__init__": NOTHING, "Runner.clear": NOTHING, "check_thread": NOTHING, "current_slot": NOTHING, "current_path": NOTHING,
    },
    "actors/_variables.py": {"differ": NOTHING},
    "actors/_steps.py": {"Steps.steps": NOTHING, "Steps.prepare": "@slot", "Steps._is_over": NOTHING, "switch": NOTHING},
    "actors/_held.py": {"nurseries_of": NOTHING},
    "actors/_chosen.py": {
        "TriedQueue.popleft": NOTHING, "ChosenQueue.popleft.<locals>.<listcomp>": NOTHING, "is_at_handler": "@slot", "come_to_handler": "@slot",
    },
    "actors/_runtime.py": {
        "Runtime.alive": NOTHING, "Runtime.wake": "@slot", "Runtime.launch": "@slot tree", "Runtime.run": "@slot", "Runtime.shield": NOTHING,
        "Runtime.logs": NOTHING, "Runtime.log_later": "tree", "Runtime.flush_log": "tree",
    },
    "actors/_starting.py": {
        "begin": "@slot", "_make_actor": "@slot", "_take_in": "@slot", "begin_at_once": "@slot", "become_ready": "@slot", "_start_up": "@slot",
    },
    "actors/_passivation.py": {
        "Passivation.concerns": "@slot", "Passivation.admit": "tree @slot", "Passivation.release": "tree @slot", "Passivation.recheck": "tree",
    },
    "actors/_deadlines.py": dict.fromkeys(
        ("Deadlines.run", "Deadlines._prune", "Deadlines.add", "Deadlines._enter", "Deadlines._called_off", "Deadlines._wake_at",
         "Deadline.cancel", "Deadline.__init__"),
        "deadlines",
    ),
    "actors/_slot.py": {
        "Slot.name": NOTHING, "Slot.path": NOTHING, "Slot.depth": NOTHING,
        "Slot.box": NOTHING, "Slot.owner": NOTHING, "Slot.own_ref": NOTHING, "Slot._tell_of_change": "@self", "Slot.generation": "&self",
        "Slot.admin": "&self", "Slot.has_ended": "&self", "Slot.in_turn": "&self", "Slot.own_status": "@self", "Slot.get_more": "+self",
        **dict.fromkeys(
            (f"Slot.{name}" for name in ("order", "by", "stop_by", "ending", "since", "starting", "started", "context")), "&self"
        ),
        "Slot.own_passage": "@self", "Slot.advance": "@self", "Slot.touch": "@self", "Slot.changed": "%self", "Slot.ended": "&self",
    },
    "actors/_more.py": {"More.__init__": NOTHING},
    "actors/_passage.py": {"Passage.__init__": NOTHING, "Passage.call_off": NOTHING},
    "actors/_context.py": {
        "make_context": "@slot", "Context.ref": NOTHING, "Context.path": NOTHING, "Context._live": NOTHING, "Context.tell": NOTHING,
        "Context.mail": NOTHING, "Context.sender": NOTHING, "Context.sleep": NOTHING, "Context.start_source": NOTHING,
    },
    "actors/_ref.py": {
        "ActorRef.tell": "@self._slot", "ActorRef._tell_enveloped": "@self._slot", "ActorRef._envelope": "@self._slot",
        "ActorRef._deliver": "@self._slot", "ActorRef.name": NOTHING, "ActorRef.path": NOTHING, "ActorRef.uid": NOTHING,
    },
    "actors/_ask_side.py": {"AskSide.ask": "@self._slot @asked.asker"},
    "actors/_asking.py": {
        "make_ask": "@slot", "_limit": "@asked.target", "wait_for_answer": "@asked.target @asked.asker", "inherited_deadline": "@asker",
        "_hand_in": "@slot", "accept": "@slot", "accept_bundle": "@slot",
    },
    "actors/_reach.py": {"slot_of": NOTHING},
    "actors/_bundled.py": {
        "BundledAsks.answer": "@self.target polls", "BundledAsks.make_next": "@self.target", "BundledAsks.make_in_hand": "@self.target",
        "BundledAsks._make": "@self.target", "BundledAsks.done": "&self.target", "BundledAsks.deadline": NOTHING,
    },
    "actors/_poll.py": {"Poll.adopt": NOTHING, "Poll.put": "polls"},
    "actors/_request.py": {
        "make_asked": NOTHING, "Asked.answer": "@self.target", "Asked._finish": "@self.target", "Asked.release_asker": "@self.asker",
        "check_cycle": ">target", "find_way": NOTHING, "awaited_by": NOTHING,
    },
    "mailbox/_mail.py": {"Envelope.__init__": NOTHING, "Letter.as_mail": NOTHING},
    "mailbox/_spec.py": {"MailboxSpec.key_of": NOTHING},
    "mailbox/_lanes.py": {
        f"Lanes.{name}": "@self" for name in (
            "waiting", "hand_mail", "own_hand", "empty_hand", "_newest_taken", "lane", "give_back_lane", "next_seq", "keep_seqs", "seal", "own_rare",
            "set_open", "is_open",
        )
    },
    "mailbox/_mailbox.py": {
        f"Mailbox.{name}": "@self" for name in (
            "has_triggers", "accept", "would_wait", "take", "_take_out", "_forget", "let_in_senders", "_is_sought", "waiting_senders", "load",
            "shut",
            "close_if_empty", "expel", "spec",
        )
    },
    "mailbox/_rare.py": {"Rare.__init__": NOTHING},
    # Ends, and what a supervisor does about them: all of a tree's books are one thing to meet at.
    "actors/_ending.py": {"end_at_once": "@slot", "end_incarnation": "^@slot", "conclude": "^@slot"},
    "actors/_last_step.py": {
        "finalize": "tree @slot", "finalize_at_once": "tree @slot @slot.parent", "_fail_requests": "@slot", "drop_report_turn": "@slot",
        "_end_slot": "tree @slot", "_keep_record": "tree", "_begin_restart": "tree @slot", "_report_failure": "tree @slot", "_log_failure": "tree",
    },
    "actors/_monitor.py": {"drop_watching": "@slot", "tell_monitors": "@slot"},
    "actors/_orders.py": {
        "order_end": "@slot", "limit_end": "@slot", "_close_mailbox": "@slot", "stop_running": "@slot", "arm_stop_timer": "@slot",
        "_disarm_stop_timer": NOTHING, "note_end": "@slot",
    },
    "actors/_raised.py": {"fail_message": "@slot"},
    "actors/_brood.py": {
        "name_of": NOTHING, "number_of": NOTHING, "find_child": "<tree", "names_of": "<tree", "names_of.<locals>.<listcomp>": NOTHING,
    },
    "actors/_faults.py": {"members_of": NOTHING},
    "actors/_reasons.py": {"is_failure": NOTHING, "text_of": NOTHING},
    "actors/_texts.py": {"without_frames": NOTHING, "_clear_frames": NOTHING, "_waits": NOTHING, "describe": NOTHING},
    "actors/_reports.py": {
        "log_of": "tree @slot", "ReportLog.__init__": "tree", "ReportLog.post_end": "tree @self._slot", "ReportLog.post_failure": "tree @self._slot",
        "ReportLog._fold": "tree", "ReportLog._settle": "tree", "ReportLog.close": "tree",
    },
    "actors/_stash.py": {"put_stash_back": "@slot"},
    "actors/_succession.py": {"hand_over": "@slot"},
    "actors/_timer.py": {"cancel_timers": "@slot"},
    "supervisor/_accounts.py": dict.fromkeys(
        (f"Accounts.{name}" for name in ("__init__", "charge", "note_end", "note_rest", "note_ready", "knows", "close")), "tree"
    ),
    "supervisor/_course.py": {
        "Course.__init__": "tree", "Course.is_under_way": "<tree", "Course.holds": "<tree", "Course.cancel": "tree", "Course._act": "tree",
        "Course.start": "tree", "Course.go_on": "tree",
    },
    "supervisor/_group.py": {"StartLine.__init__": "tree", "StartLine.go_on": "tree"},
    "supervisor/_intensity.py": {"RestartLog.__init__": "tree", "RestartLog.add": "tree"},
    "supervisor/_judge.py": {"judge": NOTHING, "ending_of": NOTHING},
    "supervisor/_plan.py": {"Plan.has_groups": NOTHING},
    "supervisor/_policy.py": {"policy_of": NOTHING},
    "supervisor/_registration.py": {"register_declared": "tree", "_register_below": "tree"},
    "actors/_registry.py": {"Registry.whole": "tree"},
    "actors/_entries.py": {"Table.whole": "tree"},
    "actors/_warnings.py": {"lift_warning": "@slot"},
    "supervisor/_retries.py": {"Retries.call_off": "tree"},
    "supervisor/_supervisor_actor.py": {
        "SupervisorActor.__init__": NOTHING, "SupervisorActor.startup": "tree", "_start_all": "tree", "_start_all.<locals>.<listcomp>": NOTHING,
    },
    "supervisor/_team.py": {
        "make_team": "tree", "Team.is_supervisors": NOTHING, "Team.accounts": "tree", "Team._is_ending": "<tree &self.owner",
        "Team.decide": "tree &self.owner @child", "Team._decide_at_end": "tree &self.owner @child", "Team._may_come_back": "<tree &self.owner",
        "Team.find": "<tree", "Team.remove": "tree", "Team.settled": "tree", "Team.note_ready": "tree", "Team.drop_undeclared": "tree",
        "Team.drop_undeclared.<locals>.<dictcomp>": NOTHING, "Team.sort": "tree", "Team.sort.<locals>.<dictcomp>": NOTHING, "Team.start": "tree",
        "Team.end_kept": "tree", "Team._is_kept": "&self.owner &child", "Team._end": "&self.owner &child", "Team._wait": "&child",
        # What it goes through it has made a list of as it began, and that begins with Course.cancel.
        "Team.close": NOTHING, "Team._end_all": NOTHING, "Team._end_all.<locals>.<listcomp>": NOTHING,
    },
    "supervisor/_open.py": {"_Tree.host": NOTHING, "_Tree.guard": NOTHING, "_Tree.wait_ended": "&self.root <block"},
}  # fmt: skip
