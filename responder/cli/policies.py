"""`responder check` and `responder schema`: the policy documents, and what an Alertmanager would keep from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from responder.adapters.channels import models
from responder.adapters.policy_files import Unreadable, read_yaml
from responder.cli.opened import Opened, open_policies
from responder.cli.options import Session
from responder.cli.outcome import Exit, Trouble
from responder.cli.output import Terminal
from responder.core.errors import Fault, PolicyFaults
from responder.core.policy.book import schemas
from responder.core.policy.misfits import suggestion
from responder.dialects.alertmanager_check import check_config
from responder.settings import Settings

CONFIG_MOST = 8 * 1024 * 1024  # bytes of an Alertmanager configuration


@dataclass(slots=True)
class Report:
    """What was found. `checked`: a line for each thing that was looked at."""

    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)

    @property
    def exit(self) -> Exit:
        return Exit.NOT_SO if self.faults else Exit.DONE


def check(session: Session, folder: Path, configs: Sequence[Path], receivers: Sequence[str]) -> Exit:
    """Prints every fault and warning. DONE without faults, else NOT_SO."""
    report = Report()
    opened = _check_policies(report, folder, session)
    _check_environment(report, session, opened)
    for path in configs:
        if opened is None:
            report.checked.append(f"{path}: not looked at, because the policies have faults")
        else:
            _check_config(report, path, opened, receivers)
    _tell(Terminal(session.form), report)
    return report.exit


def _check_policies(report: Report, folder: Path, session: Session) -> Opened | None:
    try:
        opened = open_policies(folder, session.environ)
    except PolicyFaults as wrong:
        report.faults += wrong.faults
        return None
    book = opened.book
    counts = {
        "rule": len(book.levels_document.rules),
        "example": len(book.levels_document.examples),
        "escalation policy": len(book.policies),
        "contact": len(book.contacts),
        "roster": len(book.rosters),
        "channel": len(book.channels),
        "duty": len(book.duties),
        "heartbeat": len(book.heartbeats),
        "message": len(book.messages),
    }
    told = ", ".join(f"{count} {_plural(word, count)}" for word, count in counts.items())
    report.checked.append(f"{folder}: {told}; every example comes out as it says")
    for channel, lacking in sorted(opened.catalogue.fallbacks.items()):
        what = f"channel {channel} would print on the console: {lacking.removeprefix(f'channel {channel}: ')}"
        report.warnings.append(Fault(str(folder / "channels.yaml"), 0, what, "set it where the service runs"))
    for contact, why in sorted(opened.directory.speechless().items()):
        what = f"contact {contact} cannot be reached: {why}"
        report.warnings.append(
            Fault(str(folder / "contacts.yaml"), 0, what, "add a method, or set its address")
        )
    return opened


def _check_environment(report: Report, session: Session, opened: Opened | None) -> None:
    """Nothing is said of what policies may read that could not be read themselves."""
    if opened is None:
        return
    for name, meant in Settings.unknown(session.environ, opened.book.variables).items():
        instead = f"did you mean {meant}?" if meant else "leave it out; README.md lists the settings"
        report.warnings.append(Fault("environment", 0, f"{name} is set, and nothing reads it", instead))


def _plural(word: str, count: int) -> str:
    if count == 1:
        return word
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def _check_config(report: Report, path: Path, opened: Opened, receivers: Sequence[str]) -> None:
    try:
        read = read_yaml(_text(path))
    except Unreadable as wrong:
        report.faults += [Fault(str(path), line, what, instead) for line, what, instead in wrong.places]
        return
    found = check_config(read.data, opened.book, receivers)
    for finding in found.findings:
        fault = Fault(str(path), read.line(finding.path), finding.what, finding.instead)
        (report.faults if finding.is_fault else report.warnings).append(fault)
    levels = ", ".join(str(int(level)) for level in found.reached) or "none"
    told = ", ".join(found.ours) or "none"
    report.checked.append(f"{path}: receivers that post to us: {told}; levels that can reach us: {levels}")


def _text(path: Path) -> str:
    """Raises Trouble where there is no such file, Unreadable where it holds no text."""
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise Trouble(
            Exit.USAGE, f"{path} cannot be read: {problem.strerror}", "name an Alertmanager configuration"
        ) from None
    if len(raw) > CONFIG_MOST:
        raise Unreadable(
            (0, f"it is larger than {CONFIG_MOST // 1024 // 1024} MiB", "is this the right file?")
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise Unreadable(
            (raw[: wrong.start].count(b"\n") + 1, "it is not UTF-8 here", "save it as UTF-8")
        ) from None


def _tell(terminal: Terminal, report: Report) -> None:
    report.faults.sort()
    report.warnings.sort()
    if terminal.is_json:
        terminal.json(
            {
                "ok": not report.faults,
                "faults": report.faults,
                "warnings": report.warnings,
                "checked": report.checked,
            }
        )
        return
    terminal.say(*(str(fault) for fault in report.faults))
    terminal.say(*(f"warning: {fault}" for fault in report.warnings))
    terminal.say(*(f"checked {line}" for line in report.checked))
    count = len(report.faults)
    terminal.say(f"{count} {_plural('fault', count)}" if count else "ok")


def schema(session: Session, document: str) -> None:
    """Raises Trouble where there is no such document."""
    found = schemas()
    _add_kinds(found["channels"])
    name = document.removesuffix(".yaml")
    if name and name not in found:
        raise Trouble(Exit.USAGE, f"there is no policy document `{document}`", suggestion(name, found))
    Terminal(session.form).json(found[name] if name else found)


def _add_kinds(channels: dict[str, object]) -> None:
    """Each kind of channel with the fields of its own configuration."""
    definitions = channels["$defs"]
    assert isinstance(definitions, dict)
    kinds = {}
    for kind, model in models().items():
        found = model.model_json_schema(by_alias=True)
        definitions |= found.pop("$defs", {})
        kinds[kind] = found
    definitions["ChannelEntry"] |= {"properties": kinds, "additionalProperties": False}
