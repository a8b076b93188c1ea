"""The messages that `responder messages preview` shows: made-up incidents, told by the real words and blocks.

Their records are what the machines made of a quarter of an hour at a fixed time, so that two previews differ only where
the words or the blocks do. Names are those of roles, and every address is an example's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from responder.core.alert import Occurrence
from responder.core.decision import NoticeReason, PageReason
from responder.core.identifiers import ChannelName, ContactName, Fingerprint, IncidentId, JournalId, PinHash
from responder.core.level import Level
from responder.core.machines import duty as duties
from responder.core.machines import escalation as ladder
from responder.core.machines import incident as troubles
from responder.core.machines.notice import Happening, Notice
from responder.core.machines.page import Page
from responder.core.policy import escalation as policy
from responder.dialects.slack import answers, blocks
from responder.dialects.slack.blocks import Post
from responder.dialects.slack.forms import form
from responder.dialects.slack.language import said
from responder.dialects.slack.said import Form, Unclear
from responder.dialects.slack.text import Block
from responder.dialects.wording import Situation, explain_why, notice_message, page_message
from responder.ports.channel import Message, Spelling

NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # in Seoul
SEOUL = ZoneInfo("Asia/Seoul")
MINUTE = timedelta(minutes=1)
QUARTER = NOON + 15 * MINUTE

CTO, DBA, DEVOPS = ContactName("cto"), ContactName("dba"), ContactName("devops")
CHANNEL = ChannelName("slack-incidents")
PEOPLE = {
    "en": {CTO: "CTO", DBA: "DBA on shift", DEVOPS: "DevOps on shift"},
    "ko": {CTO: "CTO", DBA: "DBA 당직", DEVOPS: "DevOps 당직"},
}
TITLE = {"en": "Seoul does not answer", "ko": "서울 리전 응답 없음"}
ZONE_GONE = {"en": "zone {zone} is gone", "ko": "가용 영역 {zone} 응답 없음"}
DUTY = {"en": "External notice", "ko": "대외 공지"}
NOTE = {"en": "the provider confirms a power failure", "ko": "클라우드 사업자가 전력 장애를 확인해 줌"}
GROUP = {"alertname": "RegionDown", "cluster": "seoul"}
LINKS = {
    "runbook": "https://runbooks.example/region-down",
    "source": "https://prometheus.example/graph?g0.expr=up%7Bcluster%3D%22seoul%22%7D%20%3D%3D%200&g0.tab=1",
}
HOSTILE = (
    "<!channel> <@U024BE7LH> <!subteam^S1> <https://evil.example|click me> *bold* _it_ ~gone~ `code` "
    ":fire: @here #general &lt;!here&gt; https://evil.example \u202egnp.exe"
)


@dataclass(frozen=True, slots=True)
class Scene:
    """An incident at one moment, to be told in one language."""

    locale: str
    incident: troubles.Incident
    escalation: ladder.Escalation
    now: datetime = QUARTER
    alerts: tuple[Occurrence, ...] = ()
    total: int = 0
    duties: tuple[duties.Duty, ...] = field(default=())

    def situation(self) -> Situation:
        return Situation(
            now=self.now,
            zone=SEOUL,
            incident=self.incident,
            escalation=self.escalation,
            duties=self.duties,
            alerts=self.alerts,
            alerts_total=self.total or len(self.alerts),
            duty_names={"external_notice": DUTY[self.locale]},
            people=PEOPLE[self.locale],
            public_url="https://responder.example",
            locale=self.locale,
            spelling=Spelling.SLASH,
            stays=True,
        )

    def hears(self, event: ladder.Event, at: datetime) -> Scene:
        return replace(self, escalation=ladder.advance(self.escalation, event, at).state, now=at)

    def notice(self, *happenings: Happening, contact: ContactName | None = None) -> Message:
        """As a channel shows it that keeps a thread. `contact`: as what they were paged with is kept up to date."""
        notice = Notice(
            notice=f"{self.incident.incident}/{CHANNEL}",
            incident=self.incident.incident,
            channel=CHANNEL,
            page="" if contact is None else f"{self.incident.incident}-p1",
            contact=contact,
            happenings=happenings or (Happening(NoticeReason.OPENED),),
        )
        return notice_message(notice, self.situation())

    def page(self, reason: PageReason, contact: ContactName = DEVOPS, subject: str = "") -> Message:
        page = Page(
            page=f"{self.incident.incident}-p1",
            incident=self.incident.incident,
            contact=contact,
            asked_for=contact,
            reason=reason,
            asked_at=self.now,
            methods=(),
            step=2 if reason is PageReason.STEP else None,
            subject=subject,
        )
        return page_message(page, self.situation())


def examples(locale: str) -> Iterator[tuple[str, Post | Block]]:
    """Every kind of message, with what it is."""
    paged = scene(locale)
    paged = paged.hears(ladder.TimerDue(), QUARTER).hears(ladder.HandedOver(contact=DEVOPS), QUARTER)
    held = paged.hears(ladder.Acknowledged(by=DEVOPS), QUARTER + 2 * MINUTE)
    yield from _rooted(paged, held)
    yield from _ended(held)
    yield from _paged(paged, held)
    yield from _strange(locale)
    yield from _answered(paged, held)


def scene(locale: str, level: Level = Level.SEVERE, name: str = "I42") -> Scene:
    """Open since noon; the ladder's first steps have happened."""
    terms = _terms(level)
    incident = troubles.Incident(
        incident=IncidentId(name),
        key=f"region|{name}",
        rule="region",
        group=GROUP,
        title=TITLE[locale],
        level=level,
        pin=PinHash("0" * 32),
        reopen_window=terms.reopen_window,
        opened_at=NOON,
        firing=2,
        seen=3,
        revision=17,
        links=LINKS,
    )
    state = ladder.begin(incident.incident, terms, NOON).state
    for _ in range(2):
        state = ladder.advance(state, ladder.TimerDue(), NOON).state
    state = ladder.advance(state, ladder.HandedOver(contact=CTO), NOON).state
    alerts = tuple(_alert(number, locale) for number in (1, 2, 3))
    return Scene(locale, incident, state, alerts=alerts)


def _rooted(paged: Scene, held: Scene) -> Iterator[tuple[str, Post]]:
    opened = scene(paged.locale)
    opened = replace(opened, now=NOON + timedelta(seconds=5))
    yield "channel: level 3, just opened", blocks.root(opened.notice())
    happened = Happening(NoticeReason.PAGED, subject=PEOPLE[paged.locale][DEVOPS], person=DEVOPS)
    yield "channel: level 3, open for 15 minutes, people paged", blocks.root(paged.notice(happened))
    acknowledged = held.notice(
        happened,
        Happening(NoticeReason.NOTE, subject=NOTE[held.locale], person=DEVOPS),
        Happening(NoticeReason.ACKNOWLEDGED),
    )
    yield "channel: acknowledged", blocks.root(acknowledged)
    if (reply := blocks.thread(acknowledged)) is not None:
        yield "thread: what happened since", reply
    snoozed = paged.hears(ladder.Snoozed(by=DBA, wanted=30 * MINUTE), QUARTER + 3 * MINUTE)
    yield "channel: snoozed", blocks.root(snoozed.notice(Happening(NoticeReason.SNOOZED)))
    quiet = ladder.Suppressed(until=QUARTER + 8 * MINUTE, by=("4fe3d1f6-9f0c-4c61-8d5e-2b1c3a6f7d80",))
    suppressed = paged.hears(quiet, QUARTER + 3 * MINUTE)
    yield "channel: suppressed", blocks.root(suppressed.notice(Happening(NoticeReason.SUPPRESSED)))
    yield "channel: the older of two messages about the same", blocks.outdated(paged.notice())


def _ended(held: Scene) -> Iterator[tuple[str, Post]]:
    at = QUARTER + 20 * MINUTE
    by_hand = replace(
        held.hears(ladder.Resolved(), at),
        incident=replace(
            held.incident, phase=troubles.Phase.RESOLVED, resolved_at=at, resolved_by=DEVOPS, firing=2
        ),
    )
    resolved = Happening(NoticeReason.RESOLVED)
    yield "channel: resolved by hand, alerts still fire", blocks.root(by_hand.notice(resolved))
    ended = tuple(replace(alert, ends_at=at) for alert in held.alerts)
    cleared = replace(by_hand, incident=replace(by_hand.incident, resolved_by=None, firing=0), alerts=ended)
    yield "channel: resolved", blocks.root(cleared.notice(resolved))
    minor = scene(held.locale, Level.MINOR, "I43")
    minor = replace(minor, incident=replace(minor.incident, firing=1), alerts=minor.alerts[:1])
    yield "channel: level 1", blocks.root(minor.notice())
    fatal = scene(held.locale, Level.FATAL, "I44")
    yield "channel: level 4", blocks.root(fatal.notice())


def _paged(paged: Scene, held: Scene) -> Iterator[tuple[str, Post]]:
    yield "direct: a page", blocks.direct(paged.page(PageReason.STEP))
    kept = held.notice(Happening(NoticeReason.ACKNOWLEDGED), contact=DEVOPS)
    yield "direct: the same, once somebody acknowledged", blocks.direct(kept, is_edit=True)
    flapping = replace(
        paged, incident=replace(paged.incident, reopenings=(NOON, NOON + 4 * MINUTE, NOON + 9 * MINUTE))
    )
    yield "direct: it keeps coming back", blocks.direct(flapping.page(PageReason.FLAPPING))
    due = duties.Duty(
        duty=f"{held.incident.incident}/external_notice",
        name="external_notice",
        incident=held.incident.incident,
        due_at=NOON + 120 * MINUTE,
        contacts=(CTO,),
        channels=(CHANNEL,),
        remind=30 * MINUTE,
    )
    due = duties.advance(due, duties.TimerDue(), due.due_at).state
    owed = held.hears(ladder.Acknowledged(by=DEVOPS), due.due_at - 20 * MINUTE)
    owed = replace(owed, now=due.due_at, duties=(due,))
    yield "direct: a duty is due", blocks.direct(owed.page(PageReason.DUTY, CTO, due.name))
    taken = held.page(PageReason.TAKEN_OVER, CTO, DEVOPS)
    yield "direct: somebody has taken over", blocks.direct(taken)


def _strange(locale: str) -> Iterator[tuple[str, Post]]:
    found = scene(locale, name="I45")
    alert = replace(
        found.alerts[0],
        labels={"alertname": "<!here> *RegionDown*", "zone": HOSTILE},
        annotations={"summary": f"{HOSTILE}\n> quoted\n<!everyone>", "description": f"```{HOSTILE}```"},
        generator_url="javascript:alert(1)",
    )
    hostile = replace(
        found,
        incident=replace(
            found.incident,
            title=HOSTILE,
            firing=1,
            group={"alertname": "<!here> *RegionDown*", "cluster": ":fire: <@U024BE7LH>"},
            links={"runbook": "https://evil.example/<!channel>|x"},
        ),
        alerts=(alert,),
    )
    yield "channel: labels that would like to be markup", blocks.root(hostile.notice())
    group = {"alertname": "A" * 300, **{f"label_{n}": f"{n}-" + "가나다라" * 60 for n in range(12)}}
    long = replace(
        found,
        incident=replace(found.incident, title="long " * 400, group=group, firing=40),
        alerts=tuple(
            replace(_alert(n, locale), labels={"pod": "p" * 400}, annotations={"summary": "서울 " * 400})
            for n in range(1, 6)
        ),
        total=40,
    )
    yield "channel: labels that are too long", blocks.root(long.notice())
    info = Notice(notice="info/1", incident=None, channel=CHANNEL, occurrence=Fingerprint("00000000000000a1"))
    situation = replace(found.situation(), incident=None, escalation=None, alerts=found.alerts[:1])
    yield "channel: for information", blocks.root(notice_message(info, situation))


def _answered(paged: Scene, held: Scene) -> Iterator[tuple[str, Post | Block]]:
    locale, people = paged.locale, PEOPLE[paged.locale]
    until = (held.now + timedelta(hours=1)).isoformat()
    done = explain_why("escalation.acknowledged", {"by": people[DEVOPS], "until": until}, SEOUL, locale)
    yield "answer: done", answers.told(f"I42: {done}", locale)
    nothing = explain_why("command.nothing_to_do", {}, SEOUL, locale)
    yield "answer: not done", answers.refused(f"I42: {nothing}", locale)
    open_ones = [
        answers.Listed(
            incident=f"I{42 + number}",
            level=4 - number % 4,
            state=("open", "acknowledged", "snoozed")[number % 3],
            title=TITLE[locale],
            holder=people[DEVOPS] if number % 3 == 1 else "",
            opened_at=NOON - number * 40 * MINUTE,
        )
        for number in range(23)
    ]
    yield "answer: the list", answers.listed(open_ones, locale, QUARTER, SEOUL)
    yield "answer: an empty list", answers.listed([], locale, QUARTER, SEOUL)
    message = held.notice(Happening(NoticeReason.ACKNOWLEDGED))
    yield "answer: one incident", answers.story(message)
    next_ = message.facts["next"]
    yield (
        "answer: who has it",
        answers.who("I42", people[DEVOPS], [people[CTO], people[DEVOPS]], next_, locale),
    )
    yield "answer: help", answers.help(locale)
    for typed in ("akc 42", "snooze 42 30"):
        unclear = said(typed)
        assert isinstance(unclear, Unclear)
        yield f"answer: not understood ({typed})", answers.unclear(unclear, locale)
    for kind in Form:
        yield (
            f"form: {kind}",
            form(kind, incident="I42", revision=17, response_url="", title=TITLE[locale], locale=locale),
        )


def _terms(level: Level) -> policy.Terms:
    return policy.Terms(
        level=level,
        name=level.name.lower(),
        ack_lease=timedelta(hours=1),
        snooze_cap=timedelta(hours=2),
        reopen_window=30 * MINUTE,
        contacts=(CTO,),
        channels=(CHANNEL,),
        steps=(
            policy.Notify(after=timedelta(0), notify="level_channels"),
            policy.Page(after=timedelta(0), page=(CTO,)),
            policy.Page(after=15 * MINUTE, page=(DEVOPS,)),
            policy.Page(after=30 * MINUTE, page=(DBA, CTO)),
        ),
        repeat=30 * MINUTE,
        catch_up=5 * MINUTE,
    )


def _alert(number: int, locale: str) -> Occurrence:
    """The third one has ended."""
    zone = "abcdefgh"[number - 1]
    return Occurrence(
        fingerprint=Fingerprint(f"{number:016x}"),
        number=1,
        starts_at=NOON,
        ends_at=NOON + 6 * MINUTE if number == 3 else None,
        incident=IncidentId("I42"),
        journal=JournalId(1),
        labels={**GROUP, "zone": zone},
        annotations={"summary": ZONE_GONE[locale].format(zone=zone)},
    )
