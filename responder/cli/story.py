"""How incidents read on a terminal: the list, one incident for somebody woken at three, a reply, a difference.

It takes the API's answers as they are; `--output json` passes them on unchanged, so their shapes are the API's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from responder.adapters.clock import SystemClock
from responder.cli.options import Session
from responder.cli.output import Terminal, span
from responder.dialects.visible import visible

Answer = dict[str, Any]

DETAIL = 600  # characters of an alert's description
ALERTS = 10  # of an incident that are listed
NAMED_LABELS = 8  # labels of an alert that are shown
SUPPRESSING = 3  # silences and alerts that keep it quiet, by name


def tell_list(session: Session, found: Answer) -> None:
    terminal = terminal_of(session)
    if terminal.is_json:
        terminal.json(found)
        return
    now = SystemClock().now()
    rows = [_row(each, now) for each in found["incidents"]]
    if not rows:
        terminal.say("no incidents")
        return
    terminal.table(("id", "level", "state", "firing", "age", "holder", "title"), rows, cut_last=True)
    if found["next"] is not None:
        terminal.hint(f"there are more: --before {found['next']}")


def _row(each: Answer, now: datetime) -> tuple[str, ...]:
    return (
        each["incident"],
        str(each["level"]),
        each["state"],
        str(each["firing"]),
        age(each["opened_at"], now),
        each["holder"] or "-",
        each["title"],
    )


def terminal_of(session: Session) -> Terminal:
    return Terminal(session.form, session.zone())


def age(moment: str, now: datetime) -> str:
    """`2h13m`: to the minute, to the second below ten minutes."""
    seconds = max((now - datetime.fromisoformat(moment)).total_seconds(), 0.0)
    return span(seconds if seconds < 600 else seconds - seconds % 60)


def tell_story(session: Session, story: Answer) -> None:
    terminal = terminal_of(session)
    if terminal.is_json:
        terminal.json(story)
        return
    now = SystemClock().now()
    _tell_head(terminal, story, now)
    _tell_alerts(terminal, story)
    _tell_ladder(terminal, story)
    _tell_duties(terminal, story)
    _tell_pages(terminal, story)
    _tell_notices(terminal, story)
    _tell_audit(terminal, story)


def _tell_head(terminal: Terminal, story: Answer, now: datetime) -> None:
    level = f"level {story['level']} {story['level_name']}"
    style = "bold red" if story["state"] == "open" else "bold"
    terminal.say(f"{story['incident']} · {level} · {story['state']} · {story['title']}", style=style)
    since = f"since {terminal.moment(story['opened_at'])} ({age(story['opened_at'], now)})"
    terminal.say(f"  {since}; {story['firing']} of {story['seen']} alerts firing")
    terminal.say(f"  {_who(terminal, story)}", f"  next: {_next(terminal, story)}")
    where = ", ".join(f"{name}={value}" for name, value in story["group"].items() if value)
    terminal.say(f"  {where or 'no labels tell where'}; rule {story['rule']}")
    for fact in (*_told_at_length(story), *_facts(story)):
        terminal.say(f"  {fact}")
    for name, link in story["links"].items():
        terminal.say(f"  {name}: {link}")


def _who(terminal: Terminal, story: Answer) -> str:
    if story["resolved_at"]:
        by = f"by {story['resolved_by']}" if story["resolved_by"] else "because its alerts ended"
        return f"resolved {terminal.moment(story['resolved_at'])} {by}"
    told = "nobody has it"
    if lease := story["lease"]:
        told = f"{lease['holder']} has it until {terminal.moment(lease['until'])}"
    if snooze := story["snooze"]:
        told += f"; {snooze['by']} snoozed it until {terminal.moment(snooze['until'])}"
    if quiet := story["suppression"]:
        by = ", ".join(visible(name, 40) for name in quiet["by"][:SUPPRESSING])
        told += f"; Alertmanager keeps it quiet since {terminal.moment(quiet['since'])} ({by})"
    if story["doubted_at"]:
        told += "; no Alertmanager has its alerts any more: see whether it is over, and resolve it"
    return told


def _next(terminal: Terminal, story: Answer) -> str:
    """What happens if nobody does anything."""
    if story["resolved_at"]:
        return _after_the_end(terminal, story)
    waiting = [rung for rung in story["ladder"] if rung["at"]]
    if waiting:
        rung = min(waiting, key=lambda rung: str(rung["at"]))
        return f"{_rung(rung)} at {terminal.moment(rung['at'])}"
    if (quiet := story["suppression"]) and not (story["lease"] or story["snooze"]):
        until = terminal.moment(quiet["until"])
        return f"nobody is paged while Alertmanager keeps it quiet, which it has to say again before {until}"
    if story["lease"] or story["snooze"]:
        what, at = _end_of_quiet(story)
        return f"{what} at {terminal.moment(at)}"
    if due := story["next_due"]:
        return f"paged again at {terminal.moment(due)}"
    return "nothing is due"


def _after_the_end(terminal: Terminal, story: Answer) -> str:
    """Resolved by hand, it is looked at again while its alerts fire."""
    if not story["next_due"]:
        return "nothing"
    at = terminal.moment(story["next_due"])
    return (
        f"opens again at {at}, unless its alerts have ended"
        if story["firing"]
        else f"closed at {at}, unless it fires again"
    )


def _rung(rung: Answer) -> str:
    return f"step {rung['step']}, {rung['kind']} {', '.join(rung['people'] or rung['names'])}".rstrip()


def _end_of_quiet(story: Answer) -> tuple[str, datetime]:
    """An acknowledgement that ends in a snooze ends silently, and so does a snooze while somebody has it."""
    lease, snooze = story["lease"], story["snooze"]
    ends = {name: _moment(each["until"]) for name, each in (("lease", lease), ("snooze", snooze)) if each}
    due = _moment(story["next_due"]) if story["next_due"] else None
    if lease and due is not None and due < min(ends.values()):
        return f"{lease['holder']} is paged about alerts that joined", due
    last = max(ends, key=lambda name: (ends[name], name))  # at the same moment the snooze ends last
    has_paged = any(rung["is_current"] for rung in story["ladder"])
    if last == "lease":
        who = "its holder and the last step are" if has_paged else "its holder is"
        return f"it is open again, and {who} paged", ends[last]
    who = ", whoever had it last and the last step" if has_paged else " and whoever had it last"
    return f"the snooze ends, and {snooze['by']}{who} are paged", ends[last]


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _told_at_length(story: Answer) -> Iterable[str]:
    """What the first alert that says more than its summary says, those that fire before those that ended."""
    firing_first = sorted(story["alerts"], key=lambda alert: alert["state"] != "firing")
    told = [text for alert in firing_first if (text := alert["annotations"].get("description", "").strip())]
    if told:
        yield f"Detail: {visible(told[0], DETAIL)}"


def _facts(story: Answer) -> Iterable[str]:
    if story["declared_by"]:
        yield f"declared by {story['declared_by']}; no alert told of it"
    if story["level_set_by"]:
        yield f"its level was set by {story['level_set_by']}"
    if story["is_incomplete"]:
        yield "INCOMPLETE: Alertmanager left alerts out (max_alerts); some may be missing here"
    if story["may_be_twin"]:
        yield "it was opened again by what may be a late twin of an alert that had ended"


def _tell_alerts(terminal: Terminal, story: Answer) -> None:
    if not story["alerts"]:
        return
    shown = story["alerts"][:ALERTS]
    rows = [(f"  {each['state']}", terminal.moment(each["starts_at"]), _alert(each)) for each in shown]
    terminal.say("")
    terminal.table(("  state", "since", "labels"), rows, title="alerts")
    if (more := story["seen"] - len(shown)) > 0:
        terminal.say(f"  and {more} more; --output json lists them")


def _alert(alert: Answer) -> str:
    labels = dict(alert["labels"])
    name = labels.pop("alertname", "unnamed alert")
    told = ", ".join(f"{label}={value}" for label, value in list(labels.items())[:NAMED_LABELS])
    summary = alert["annotations"].get("summary") or alert["annotations"].get("description") or ""
    return " · ".join(part for part in (name, told, summary) if part)


def _tell_ladder(terminal: Terminal, story: Answer) -> None:
    rows = []
    for rung in story["ladder"]:
        when = "done" if rung["happened"] else terminal.moment(rung["at"]) or "held"
        names = ", ".join(rung["names"])
        people = ", ".join(rung["people"])
        who = f"{people} ({names})" if people and people != names else names
        rows.append(
            (f"{'>' if rung['is_current'] else ' '} {rung['step']}", rung["after"], rung["kind"], when, who)
        )
    terminal.say("")
    terminal.table(("  step", "after", "what", "when", "who"), rows, title="ladder")


def _tell_duties(terminal: Terminal, story: Answer) -> None:
    if not story["duties"]:
        return
    rows = []
    for duty in story["duties"]:
        done = (
            f"by {duty['done_by']} {terminal.moment(duty['done_at'])}: {duty['proof']}"
            if duty["done_by"]
            else ""
        )
        who = done or ", ".join(duty["contacts"])
        rows.append((f"  {duty['duty']}", duty["state"], terminal.moment(duty["due_at"]), who))
    terminal.say("")
    terminal.table(("  duty", "state", "due", "who"), rows, title="duties")


def _tell_pages(terminal: Terminal, story: Answer) -> None:
    if not story["pages"]:
        return
    rows = []
    for page in story["pages"]:
        rows.append((f"  {page['page']}", terminal.moment(page["asked_at"]), page["state"], _page(page)))
        rows += [
            ("", terminal.moment(each["claimed_at"]), each["outcome"], _attempt(each))
            for each in page["attempts"]
        ]
        if page["next_at"] and page["state"] == "owed":
            rows.append(("", terminal.moment(page["next_at"]), "due", "the next attempt"))
    terminal.say("")
    terminal.table(("  page", "when", "state", "what"), rows, title="pages")


def _page(page: Answer) -> str:
    who = page["contact"]
    if page["asked_for"] != who:
        who += f" (on shift for {page['asked_for']})"
    return f"{who}: {page['words'] or page['reason']}"


def _attempt(attempt: Answer) -> str:
    told = [f"attempt {attempt['attempt']} by {attempt['channel']}"]
    if attempt["outcome"] == "unknown":
        told.append("it may have arrived, nobody knows")
    told += [attempt["detail"], f"receipt {attempt['receipt']}" if attempt["receipt"] else ""]
    if attempt["is_repeat"]:
        told.append("it may be a repeat")
    if attempt["late"]:
        told.append("its result came late")
    return "; ".join(part for part in told if part)


def _tell_notices(terminal: Terminal, story: Answer) -> None:
    rows = []
    for notice in story["notices"]:
        last = notice["attempts"][-1] if notice["attempts"] else None
        told = f"{last['outcome']}: {_attempt(last)}" if last else "not tried yet"
        rows.append((f"  {notice['channel']}", notice["state"], told))
    if rows:
        terminal.say("")
        terminal.table(("  channel", "state", "last attempt"), rows, title="shown on")


def _tell_audit(terminal: Terminal, story: Answer) -> None:
    rows = [
        (f"  {terminal.moment(line['at'], to='second')}", line["actor"] or "-", _line(line))
        for line in story["audit"]["lines"]
    ]
    terminal.say("")
    title = "audit" if story["audit"]["is_whole"] else f"audit, the last {len(rows)} lines"
    terminal.table(("  when", "who", "what and why"), rows, title=title)


def _line(line: Answer) -> str:
    """With what somebody wrote: a note, a reason."""
    text = line["details"].get("text")
    return f'{line["words"]}: "{text}"' if text else str(line["words"])


def tell_digest(session: Session, digest: Answer) -> None:
    terminal = terminal_of(session)
    if terminal.is_json:
        terminal.json(digest)
        return
    members = digest["members"]
    terminal.say(
        f"{digest['digest']} · digest of {_incidents(len(members))} · {digest['state']}", style="bold"
    )
    terminal.say(f"  {digest['words']}, asked for {terminal.moment(digest['asked_at'])}")
    has = [f"{holder} has {count}" for holder, count in digest["holders"].items()]
    nobody = [f"nobody has {digest['unanswered']}"] if digest["unanswered"] else []
    terminal.say(f"  {', '.join([*has, *nobody]) or 'nothing of it is open'}")
    if digest["unanswered"]:
        terminal.say(f"  acknowledge all of it: responder incidents ack {digest['digest']}")
    rows = [
        (f"  {terminal.moment(each['claimed_at'])}", each["outcome"], _attempt(each))
        for each in digest["attempts"]
    ]
    if digest["next_at"] and digest["state"] == "owed":
        rows.append((f"  {terminal.moment(digest['next_at'])}", "due", "the next attempt"))
    terminal.say("")
    terminal.table(("  when", "state", "what"), rows, title="attempts")
    terminal.say("")
    terminal.table(
        ("  id", "level", "state", "holder", "title"), [_member(each) for each in members], title="incidents"
    )


def _incidents(count: int) -> str:
    return "1 incident" if count == 1 else f"{count} incidents"


def _member(each: Answer) -> tuple[str, ...]:
    """One that rose since it was told shows both levels."""
    level = str(each["level"] or each["told_level"])
    if each["level"] and each["level"] != each["told_level"]:
        level = f"{each['told_level']} → {each['level']}"
    title = each["title"] or "(not stored any more)"
    left = " (left it before it arrived)" if each["has_left"] else ""
    return (f"  {each['incident']}", level, each["state"] or "-", each["holder"] or "-", f"{title}{left}")


def tell_reply(session: Session, reply: Answer, remark: str = "") -> None:
    """`remark` is for people."""
    terminal = terminal_of(session)
    if terminal.is_json:
        terminal.json(reply)
        return
    terminal.say(f"{reply['incident']}: {reply['words']} {remark}".rstrip())


def tell_difference(session: Session, difference: Answer) -> None:
    """On standard error where JSON is asked for: the reply is the result."""
    terminal = terminal_of(session)
    say = terminal.hint if terminal.is_json else terminal.say
    name = difference["incident"]
    if not difference["lines"]:
        say(f"{name} has what today's policies promise; nothing to do")
        if terminal.is_json:
            terminal.json(difference)
        return
    say(
        f"{name} under escalation {difference['policy']}: what it was promised, and what today's policies promise"
    )
    say(*(f"  {line}" for line in difference["lines"]))
    say(f"  next now:   {difference['next_before']}", f"  next then:  {difference['next_after']}")
