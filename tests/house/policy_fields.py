"""The tables of policies/README.md, made of the models: every field with its unit, default and why.

python -m tests.house.policy_fields    writes them into the README anew
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from responder.adapters.channels import models
from responder.core.policy.book import schemas
from tests.house.tree import ROOT

README = ROOT / "policies" / "README.md"
BLOCK = re.compile(r"(<!-- fields of (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def tables(schema: Mapping[str, Any]) -> str:
    """One table for the document itself, then one for each thing in it that has fields."""
    parts = list(_table("The document", schema))
    for title, definition in schema.get("$defs", {}).items():
        if title != "FromEnv" and title != "ChannelEntry":
            parts += _table(_heading(title, definition), definition)
    return "\n".join(parts)


def _heading(title: str, definition: Mapping[str, Any]) -> str:
    return str(definition.get("description") or title).strip().splitlines()[0]


def _table(heading: str, definition: Mapping[str, Any]) -> Iterator[str]:
    if not definition.get("properties"):
        return
    yield f"{heading}\n\n| field | |\n|---|---|"
    needed = definition.get("required", ())
    for field, described in definition["properties"].items():
        words = str(described["description"]).replace("|", "\\|")
        yield f"| `{field}`{' (needed)' if field in needed else ''} | {words} |"
    yield ""


def with_tables(text: str) -> str:
    """The README with the tables that today's models make."""
    found = schemas(models())
    return BLOCK.sub(lambda block: f"{block[1]}\n{tables(found[block[2]])}\n{block[3]}", text)


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
