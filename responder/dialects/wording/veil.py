"""The veil: what a policy says no message may show is covered before any words are made of it.

It is drawn over what is read, never over what is stored: keys, matching and the API go on with the values themselves.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from urllib.parse import quote, unquote

from responder.core.alert import Occurrence
from responder.core.machines.incident import Incident
from responder.core.policy.levels import incident_key

VEIL = "•••"
WHOLE = (
    4  # characters; a shorter value is looked for in other texts as a whole word, lest every "a" be covered
)


def veiled(occurrence: Occurrence, names: Collection[str]) -> Occurrence:
    """Without the values of labels and annotations called one of `names`, wherever else its texts repeat them.

    A link that holds one is left out, for it would not lead there any more.
    """
    hidden = _values(occurrence.labels, names) | _values(occurrence.annotations, names)
    if not hidden:
        return occurrence
    return replace(
        occurrence,
        labels=_covered(occurrence.labels, names, hidden),
        annotations=_covered(occurrence.annotations, names, hidden),
        generator_url="" if _holds(occurrence.generator_url, hidden) else occurrence.generator_url,
    )


def veiled_incident(incident: Incident, names: Collection[str]) -> Incident:
    """Its title was veiled when it opened; this covers what it is grouped by."""
    hidden = _values(incident.group, names)
    if not hidden:
        return incident
    group = _covered(incident.group, names, hidden)
    is_made_of_group = incident.key == incident_key(incident.rule, incident.group)
    return replace(
        incident,
        group=group,
        key=incident_key(incident.rule, group) if is_made_of_group else _cover(incident.key, hidden),
        title=_cover(incident.title, hidden),
        links={label: url for label, url in incident.links.items() if not _holds(url, hidden)},
    )


def _values(texts: Mapping[str, str], names: Collection[str]) -> frozenset[str]:
    return frozenset(texts[name] for name in names if texts.get(name))


def _covered(texts: Mapping[str, str], names: Collection[str], hidden: Collection[str]) -> dict[str, str]:
    return {
        name: VEIL
        if name in names and text
        else ""
        if _is_link(text) and _holds(text, hidden)
        else _cover(text, hidden)
        for name, text in texts.items()
    }


def _cover(text: str, hidden: Collection[str]) -> str:
    """The longest first, so that a value within another leaves nothing of it."""
    for value in sorted(hidden, key=len, reverse=True):
        if len(value) >= WHOLE:
            text = text.replace(value, VEIL)
        else:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", VEIL, text)
    return text


def _is_link(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _holds(url: str, hidden: Collection[str]) -> bool:
    return any(value in url or quote(value, safe="") in url or value in unquote(url) for value in hidden)
