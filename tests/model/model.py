"""What the service has to do, said a second time and as plainly as possible: the design's semantics without storage,
without records, without effects. It is told what was committed, in that order, and at which moment; it answers with
incidents, the pages that somebody has to get, and what falls due when.

Where the design leaves something open, the choice that the service has made stands here under the word "open:".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.model.plan import AT_ONCE, MINUTE, REMIND, Edition, Promised

TWIN_HOLD = timedelta(seconds=30)
RECHECK = {1: 30 * MINUTE, 2: 30 * MINUTE, 3: 10 * MINUTE, 4: 10 * MINUTE}
FLAPPING_FROM = 3  # open: "several re-openings an hour" is three
HOUR = timedelta(hours=1)
EARLY_GAP = MINUTE
JOINED_GAP = MINUTE  # open: a holder is paged about what joins once a minute at most

TOLD = ("resolved", "taken_over")  # asks for nothing
DUTY = ("duty", "duty_reminder")


@dataclass(frozen=True, slots=True)
class Alert:
    name: str  # which alert it is: its fingerprint
    key: str  # of the incident it belongs to
    level: int
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Body:
    group: str
    alerts: tuple[Alert, ...]
    truncated: bool = False

    @property
    def fires(self) -> bool:
        return any(alert.end is None for alert in self.alerts)


@dataclass(slots=True, kw_only=True)
class Page:
    """One thing that one person has to get. `id`: the service's name for it, once known."""

    at: datetime
    contact: str
    reason: str
    step: int | None
    subject: str
    turn: int
    ways: tuple[str, ...]
    state: str = "owed"  # accepted | withdrawn | failed
    id: str = ""
    refused: set[str] = field(default_factory=set)

    @property
    def asks_for_an_answer(self) -> bool:
        return self.reason not in (*TOLD, *DUTY)

    def __str__(self) -> str:
        step = "" if self.step is None else f" step {self.step}"
        return f"{self.at:%d %H:%M:%S} {self.contact} {self.reason}{step}"


@dataclass(slots=True)
class Interval:
    """The newest time for which an alert fired, as all messages about it tell together."""

    number: int
    start: datetime
    end: datetime | None


def interval(messages: Iterable[tuple[int, Alert]]) -> Interval | None:
    """By journal number, whatever order they were read in."""
    found: Interval | None = None
    for _, alert in sorted(messages, key=lambda message: message[0]):
        found = _after(found, alert)
    return found


def _after(known: Interval | None, alert: Alert) -> Interval:
    if known is None:
        return Interval(1, alert.start, alert.end)
    if known.end is None:
        if alert.end is None:
            return Interval(known.number, min(known.start, alert.start), None)
        return Interval(known.number, known.start, None if known.start > alert.end else alert.end)
    if alert.start > known.end:
        return Interval(known.number + 1, alert.start, alert.end)
    if alert.end is None:
        return Interval(known.number, min(known.start, alert.start), None)
    return Interval(known.number, known.start, max(known.end, alert.end))


@dataclass(slots=True)
class Owed:
    """A duty: `until` is when it is due, or when it is asked for again."""

    until: datetime
    state: str = "owed"  # due | done | ended


class Trouble:
    """One incident with its ladder and its duties."""

    def __init__(self, model: Model, key: str, title: str, edition: Edition, level: int) -> None:
        self.model = model
        self.key = key
        self.title = title
        self.edition = edition
        self.level = level
        self.opened_at = model.now
        self.phase = "open"  # resolved | closed
        self.resolved_at: datetime | None = None
        self.twin_since: datetime | None = None
        self.alight: set[str] = set()
        self.hidden: set[str] = set()
        self.has_alerts = False
        self.reopened: list[datetime] = []
        self.flapping_told: datetime | None = None
        self.duties: dict[str, Owed] = {}
        self.pages: list[Page] = []
        self.touched = {
            "incident",
            "ladder",
        }  # parts that heard something: they look at once what is due for them
        self.reached: list[str] = []
        self.told: list[str] = []
        self.lease: tuple[str, datetime] | None = None
        self.snooze: tuple[str, datetime] | None = None
        self.last_holder = ""
        self.joined_at: datetime | None = None
        self.joined_waiting = False
        self.moved_early_at: datetime | None = None
        self.since: datetime | None = None
        self.waited = AT_ONCE
        self.fired: set[int] = set()
        self.rung: int | None = None
        self.repeat_at: timedelta | None = None
        self.not_before: datetime | None = None
        self.early_at: datetime | None = None
        self._run_clock(self.now)
        self._owe()

    @property
    def now(self) -> datetime:
        return self.model.now

    @property
    def promised(self) -> Promised:
        return self.edition.levels[self.level]

    @property
    def standing(self) -> str:
        if self.phase == "open" and self.lease:
            return "acknowledged"
        return "snoozed" if self.phase == "open" and self.snooze else self.phase

    @property
    def holder(self) -> str | None:
        return self.lease[0] if self.lease else None

    # Alerts

    def fire(self, names: Sequence[str], level: int) -> None:
        """Occurrences that had not been there."""
        self.touched.add("incident")
        self.alight.update(names)
        self.has_alerts = True
        rose = level > self.level
        if self.phase == "resolved":
            self._reopen()
            if rose:
                self._change_level(level)
            return
        if rose:
            self._change_level(level)
        self._join()

    def refire(self, names: Sequence[str]) -> None:
        """Occurrences that had ended fire again: late twins of a pair, or never over."""
        self.touched.add("incident")
        was_quiet = not self.alight
        self.alight.update(names)
        if self.phase == "resolved" and was_quiet:
            if self.level >= 3:
                self._reopen()
            else:
                self.twin_since = self.now

    def end(self, names: Sequence[str]) -> None:
        self.touched.add("incident")
        self.alight.difference_update(names)
        if self.alight:
            return
        if self.phase == "open":
            self._resolve_if_clear()
        elif self.twin_since is not None:
            self.twin_since = None
        else:
            self.resolved_at = self.now  # it was resolved by hand; the window counts from when it went quiet

    def hide(self, group: str) -> None:
        self.touched.add("incident")
        self.hidden.add(group)

    def show(self, group: str) -> None:
        self.touched.add("incident")
        if group in self.hidden:
            self.hidden.remove(group)
            if self.phase == "open" and self.has_alerts and not self.alight:
                self._resolve_if_clear()

    def _resolve_if_clear(self) -> None:
        if not self.hidden:
            self._resolve()

    def _resolve(self) -> None:
        self.touched.add("ladder")
        self.phase, self.resolved_at = "resolved", self.now
        names = dict.fromkeys([*self.reached, *([self.lease[0]] if self.lease else [])])
        self.lease = self.snooze = None
        self.joined_waiting = False
        self._run_clock(self.now)
        self._withdraw()
        self._page(names, "resolved")
        self.told, self.reached = list(names), []
        self._end_duties(keep=())

    def _reopen(self) -> None:
        self.touched.add("ladder")
        self.phase, self.resolved_at, self.twin_since = "open", None, None
        self.reopened = [*(at for at in self.reopened if self.now - at < HOUR), self.now]
        self.told = []
        self._run_clock(self.now)
        flaps = len(self.reopened) >= FLAPPING_FROM
        is_told = self.flapping_told is not None and self.now - self.flapping_told < HOUR
        if flaps and not is_told:
            self.flapping_told = self.now
        if not (flaps and is_told):
            reason = "flapping" if flaps else "reopened"
            if not self._page_again(reason) and flaps and self._rungs_left():
                self._climb(self._rungs_left()[0], reason)
        for name in self.promised.duties:  # open: it was never over, so a duty is owed at the time it was
            if name in self.duties and self.duties[name].state == "ended":
                self.duties[name].state = "owed"
                self.touched.add(name)

    # People

    def resolve(self) -> None:
        self.touched.add("incident")
        if self.phase == "open":
            self._resolve()

    def set_level(self, level: int) -> None:
        self.touched.add("incident")
        if self.phase != "closed" and level != self.level:
            self._change_level(level)
            if self.phase == "resolved":
                self._end_duties(keep=())

    def note(self) -> None:
        self.touched.add("incident")

    def acknowledge(self, by: str, wanted: timedelta | None) -> None:
        self.touched.add("ladder")
        if self.phase != "open":
            return
        before, self.last_holder = self.holder, by
        self.lease = (by, self.now + min(wanted or self.promised.lease, self.promised.lease))
        self._run_clock(self.now)
        if before == by:
            return
        self._withdraw()
        if before is not None:
            self._page([before], "taken_over", subject=by)

    def unacknowledge(self) -> None:
        self.touched.add("ladder")
        if self.lease or self.snooze:
            self._let_go("unacknowledged" if self.lease else "snooze_ended", since=self.now)

    def quiet(self, by: str, wanted: timedelta) -> None:
        self.touched.add("ladder")
        if self.phase != "open":
            return
        self.snooze = (by, self.now + min(wanted, self.promised.snooze_cap))
        self.last_holder = self.lease[0] if self.lease else by
        self._run_clock(self.now)
        self._withdraw()

    def escalate(self) -> None:
        self.touched.add("ladder")
        if self.phase != "open":
            return
        if left := self._rungs_left():
            self._climb(left[0], "escalated")
        else:
            assert self.rung is not None
            self._page(self.promised.people(self.rung), "escalated", self.rung)

    def done(self, duty: str) -> None:
        if self.duties[duty].state in ("owed", "due"):
            self.duties[duty].state = "done"

    def repin(self, edition: Edition) -> None:
        """open: the ladder is today's; duties that are owed stay as they were promised, and none is added."""
        self.touched.add("incident")
        self.touched.add("ladder")
        if self.phase == "closed":
            return
        waited, old, fired = self.unanswered(), self.promised.steps, self.fired
        self.edition = edition
        self.fired = {
            number
            for number, step in enumerate(self.promised.steps)
            if (old.index(step) in fired if step in old else step.after < waited)
        }
        rungs = [number for number in sorted(self.fired) if self.promised.steps[number].kind == "page"]
        self.rung = rungs[-1] if rungs else None
        self.repeat_at = waited + self.promised.repeat if rungs and not self._rungs_left() else None

    # What came of pages

    def was_reached(self, page: Page) -> None:
        page.state = "accepted" if page.state != "withdrawn" else "withdrawn"
        if page.reason in TOLD:
            return
        self.touched.add("ladder")
        if self.phase == "open":
            self.reached = list(dict.fromkeys([*self.reached, page.contact]))
        elif page.contact not in self.told:
            self.told.append(page.contact)
            self._page([page.contact], "resolved")

    def was_refused(self, page: Page) -> None:
        """By every way there is to that person."""
        page.state = "failed"
        if page.asks_for_an_answer:
            self._want_early(page.step)

    # Levels and duties

    def _change_level(self, level: int) -> None:
        self.touched.add("ladder")
        rose = level > self.level
        if rose and (self.lease or self.snooze):
            self._page_again("rose")
        if not rose:
            self._withdraw()
        self.level = level
        self._begin_ladder()
        if rose:
            self.lease = self.snooze = None
            self.joined_waiting = False
        else:
            self._end_duties(keep=self.promised.duties)
        self._run_clock(self.now)
        self._owe()

    def _owe(self) -> None:
        for name, after in self.promised.duties.items():
            self.touched.add(name)
            at, known = self.now + after, self.duties.get(name)
            if known is None or known.state == "ended":
                self.duties[name] = Owed(at)
            elif known.state == "owed":
                known.until = min(known.until, at)

    def _end_duties(self, keep: Iterable[str]) -> None:
        for name, duty in self.duties.items():
            if name not in keep and duty.state in ("owed", "due"):
                self.touched.add(name)
                if duty.state == "owed" and self.now < duty.until:
                    duty.state = "ended"

    def _duty_due(self, name: str) -> None:
        duty = self.duties[name]
        self._page([self.edition.duties[name]], DUTY[duty.state == "due"], subject=name)
        duty.state, duty.until = "due", self.now + REMIND

    # The ladder

    def _begin_ladder(self) -> None:
        self.waited, self.since = AT_ONCE, None
        self.fired, self.rung, self.repeat_at = set(), None, None
        self.not_before = self.early_at = None

    def unanswered(self, at: datetime | None = None) -> timedelta:
        return self.waited + ((at or self.now) - self.since if self.since is not None else AT_ONCE)

    def _run_clock(self, at: datetime) -> None:
        """Open, unacknowledged and unsnoozed: then it runs, and else it stands."""
        runs = self.phase == "open" and not self.lease and not self.snooze
        if runs and self.since is None:
            self.since = at
        elif not runs and self.since is not None:
            self.waited, self.since, self.early_at = self.unanswered(at), None, None

    def _rungs_left(self) -> list[int]:
        steps = self.promised.steps
        return [n for n, step in enumerate(steps) if step.kind == "page" and n not in self.fired]

    def _step(self, number: int) -> None:
        step = self.promised.steps[number]
        if step.kind == "page":
            self._climb(number, "step")
        else:
            self.fired.add(number)
        if step.kind == "remediate":
            self._want_early(None)  # nothing is bound to anything, so nothing could start

    def _climb(self, number: int, reason: str, subject: str = "") -> None:
        self.fired.add(number)
        self.rung, self.early_at = number, None
        self._page(self.promised.people(number), reason, number, subject=subject)
        self._space(self.promised.steps[number].after if reason == "step" else None)
        if not self._rungs_left():
            self.repeat_at = self.unanswered() + self.promised.repeat

    def _repeat(self) -> None:
        assert self.rung is not None
        self._page(self.promised.people(self.rung), "repeat", self.rung)
        self.repeat_at = self.unanswered() + self.promised.repeat

    def _page_again(self, reason: str, also: Sequence[str] = (), subject: str = "") -> bool:
        """The last holder and the last rung; open: a repeat then counts from now."""
        rung = self.promised.people(self.rung) if self.rung is not None else ()
        names = [*also, *([self.last_holder] if self.last_holder else []), *rung]
        if not names:
            return False
        self._space(None)
        self._page(names, reason, None if reason == "rose" else self.rung, subject=subject)
        if self.repeat_at is not None:
            self.repeat_at = self.unanswered() + self.promised.repeat
        return True

    def _space(self, planned: timedelta | None) -> None:
        """Rungs that are overdue come `catch_up` apart; open: and one that would come sooner after a late one."""
        left = self._rungs_left()
        if not left or self.since is None:
            return
        after = self.promised.steps[left[0]].after
        apart = AT_ONCE if planned is None else after - planned
        own = self.since + after - self.waited
        if planned is not None and not apart:
            return
        soonest = self.now + (
            self.promised.catch_up if own <= self.now else min(apart, self.promised.catch_up)
        )
        if own < soonest:
            self.not_before = soonest

    def _want_early(self, step: int | None) -> None:
        """`step`: the rung that failed; only the one that people are on moves the ladder, and it does so once."""
        self.touched.add("ladder")
        if self.since is None or self.early_at or not self._rungs_left():
            return
        if step is None or step == self.rung:
            self.early_at = max(
                self.now, (self.moved_early_at or datetime.min.replace(tzinfo=self.now.tzinfo)) + EARLY_GAP
            )

    def _move_early(self) -> None:
        self.early_at = None
        if left := self._rungs_left():
            self.moved_early_at = self.now
            self._climb(left[0], "early")

    def _owes_a_page(self) -> bool:
        return any(page.state == "owed" and page.asks_for_an_answer for page in self.pages)

    def _let_go(self, reason: str, since: datetime, subject: str = "") -> None:
        self.lease = self.snooze = None
        self.joined_waiting = False
        self._run_clock(since)
        self._page_again(reason, subject=subject)

    def _end_lease(self) -> None:
        assert self.lease is not None
        if self.snooze:
            self.lease, self.joined_waiting = (
                None,
                False,
            )  # open: whoever asked for quiet has it until its end
        else:
            self._let_go("lease_ended", since=self.lease[1])

    def _end_snooze(self) -> None:
        assert self.snooze is not None
        (by, until), self.snooze = self.snooze, None
        self._run_clock(until)
        if not self.lease:
            self._page_again("snooze_ended", also=[by])

    def _join(self) -> None:
        self.touched.add("ladder")
        if self.level >= 3 and (self.lease or self.snooze):
            self._let_go("joined", since=self.now)
        elif self.lease and self.joined_at is not None and self.now < self.joined_at + JOINED_GAP:
            self.joined_waiting = True
        elif self.lease:
            self._tell_holder()

    def _tell_holder(self) -> None:
        assert self.lease is not None
        self._page([self.lease[0]], "joined")
        self.joined_at, self.joined_waiting = self.now, False

    # Pages

    def _page(self, names: Iterable[str], reason: str, step: int | None = None, *, subject: str = "") -> None:
        live, turn = self.model.edition, self.model.turn
        for name in names:
            person = live.on_call if name == "on-call" else name
            page = Page(
                at=self.now,
                contact=person,
                reason=reason,
                step=step,
                subject=subject,
                turn=turn,
                ways=live.ways[person],
            )
            same = (turn, person, reason, subject)
            if all((other.turn, other.contact, other.reason, other.subject) != same for other in self.pages):
                self.pages.append(page)

    def _withdraw(self) -> None:
        for page in self.pages:
            if page.state == "owed" and page.asks_for_an_answer:
                page.state = "withdrawn"

    # Time

    def due(self) -> list[tuple[datetime, str, str]]:
        """All that waits for its moment: when, what, and of which duty."""
        found: list[tuple[datetime, str, str]] = [
            (duty.until, "duty", name) for name, duty in self.duties.items() if duty.state in ("owed", "due")
        ]
        if self.phase == "resolved":
            found.append((self._resolved_until(), "resolved", ""))
        if self.phase != "open":
            return found
        if self.lease:
            found.append((self.lease[1], "lease", ""))
            if self.joined_waiting and self.joined_at is not None:
                found.append((self.joined_at + JOINED_GAP, "joined", ""))
        if self.snooze:
            found.append((self.snooze[1], "snooze", ""))
        if self.since is not None:
            found += self._climbing(self.since)
        return found

    def _climbing(self, since: datetime) -> list[tuple[datetime, str, str]]:
        found = []
        waiting = [n for n in range(len(self.promised.steps)) if n not in self.fired]
        if waiting:
            found.append((self.step_at(waiting[0], since), "step", ""))
        if self.repeat_at is not None:
            found.append((since + self.repeat_at - self.waited, "repeat", ""))
        if self.early_at is not None:
            found.append((self.early_at, "early", ""))
        return found

    def step_at(self, number: int, since: datetime) -> datetime:
        step = self.promised.steps[number]
        at = since + step.after - self.waited
        return max(at, self.not_before) if step.kind == "page" and self.not_before else at

    def _resolved_until(self) -> datetime:
        assert self.resolved_at is not None
        if self.twin_since is not None:
            return self.twin_since + TWIN_HOLD
        return self.resolved_at + (RECHECK[self.level] if self.alight else self.promised.window)

    def work(self, *, timers: bool = False) -> None:
        """Everything whose moment has come, the earliest first; but for `timers`, of the parts that heard something."""
        if timers:
            self.touched |= {_part(what, name) for at, what, name in self.due() if at <= self.now}
        while ready := self._ready():
            _, what, name = ready[0]
            match what:
                case "duty":
                    self._duty_due(name)
                case "resolved" if self.alight:
                    self._reopen()
                case "resolved":
                    self.phase = "closed"
                case "lease":
                    self._end_lease()
                case "snooze":
                    self._end_snooze()
                case "joined":
                    self._tell_holder()
                case "repeat":
                    self._repeat()
                case "early" if self.model.held.get(self, self.now) > self.now and self._owes_a_page():
                    self.early_at = self.model.held[self]
                case "early":
                    self._move_early()
                case _:
                    self._step(min(n for n in range(len(self.promised.steps)) if n not in self.fired))
        self.touched.clear()

    def _ready(self) -> list[tuple[datetime, str, str]]:
        return sorted(
            each for each in self.due() if each[0] <= self.now and _part(each[1], each[2]) in self.touched
        )


def _part(what: str, duty: str) -> str:
    """Which part of a trouble waits for it."""
    return duty or ("incident" if what == "resolved" else "ladder")


class Model:
    def __init__(self, edition: Edition, now: datetime) -> None:
        self.edition = edition
        self.now = now
        self.turn = 0
        self.troubles: list[Trouble] = []
        self.declared = 0
        self.held: dict[Trouble, datetime] = {}  # early moves that wait, because nobody could be reached
        self._messages: dict[str, list[tuple[int, Alert]]] = {}
        self._owner: dict[str, Trouble | None] = {}

    def open_at(self, key: str) -> Trouble | None:
        return next((t for t in self.troubles if t.key == key and t.phase != "closed"), None)

    def body(self, journal: int, body: Body) -> None:
        """It was read, and what it means was committed."""
        self.turn += 1
        new: dict[str, list[Alert]] = {}
        twins: dict[int, list[str]] = {}
        ended: dict[int, list[str]] = {}
        for alert in body.alerts:
            change = self._take_in(journal, alert)
            owner = self._owner.get(alert.name)
            if change == "new":
                new.setdefault(alert.key, []).append(alert)
            elif change and owner is not None:
                (twins if change == "twin" else ended).setdefault(self.troubles.index(owner), []).append(
                    alert.name
                )
        for key, alerts in new.items():
            self._fire(key, alerts)
        for which, names in twins.items():
            self.troubles[which].refire(names)
        for which, names in ended.items():
            self.troubles[which].end(names)
        self._truncation(body)
        for trouble in self.troubles:
            trouble.work()

    def _take_in(self, journal: int, alert: Alert) -> str:
        """new | twin | ended, or "" where the message changes nothing."""
        messages = self._messages.setdefault(alert.name, [])
        before = interval(messages)
        messages.append((journal, alert))
        after = interval(messages)
        assert after is not None
        fired = before is not None and before.end is None
        fires = after.end is None
        if fired is fires:
            if not fires and before is not None and after.number > before.number:
                self._owner[alert.name] = None  # an occurrence that nobody saw fire
            return ""
        if not fires:
            return "ended"
        owner = self._owner.get(alert.name)
        is_new = before is None or after.number > before.number or owner is None or owner.phase == "closed"
        return "new" if is_new else "twin"

    def _fire(self, key: str, alerts: Sequence[Alert]) -> None:
        level, names = max(alert.level for alert in alerts), [alert.name for alert in alerts]
        trouble = self.open_at(key)
        if trouble is None:
            trouble = self._open(key, key, level)
            trouble.alight.update(names)
            trouble.has_alerts = True
        else:
            trouble.fire(names, level)
        self._owner.update(dict.fromkeys(names, trouble))

    def _truncation(self, body: Body) -> None:
        if body.truncated and body.fires:
            for alert in body.alerts:
                owner = self._owner.get(alert.name)
                if owner is not None and owner.phase != "closed":
                    owner.hide(body.group)
            return
        for trouble in self.troubles:
            if trouble.phase != "closed":
                trouble.show(body.group)

    def declare(self, level: int) -> Trouble:
        self.turn += 1
        self.declared += 1
        title = f"declared {self.declared}"
        trouble = self._open(title, title, level)
        trouble.work()
        return trouble

    def _open(self, key: str, title: str, level: int) -> Trouble:
        trouble = Trouble(self, key, title, self.edition, level)
        self.troubles.append(trouble)
        return trouble

    def timers(self) -> None:
        for trouble in self.troubles:
            self.turn += 1
            trouble.work(timers=True)

    def next_due(self) -> datetime | None:
        return min((at for trouble in self.troubles for at, _, _ in trouble.due()), default=None)

    def relied_on(self) -> set[str]:
        """People whom incidents that are not closed are promised."""
        levels = [level for t in self.troubles if t.phase != "closed" for level in t.edition.levels.values()]
        paged = {name for level in levels for step in range(len(level.steps)) for name in level.people(step)}
        return paged | {name for level in levels for name in level.contacts}

    def forget(self, before: datetime) -> set[int]:
        """Which troubles retention may delete now."""
        return {
            number
            for number, t in enumerate(self.troubles)
            if t.phase == "closed" and t.resolved_at is not None and t.resolved_at < before and not t.due()
        }
