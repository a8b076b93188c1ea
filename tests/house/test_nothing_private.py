"""No file names a package registry's host, a folder of the machine it was made on, or a place beside it.

The words are put together here, so that this file does not contain them.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT

DOT = "."
UP = DOT * 2 + "/"
REGISTRIES = [
    *(
        DOT.join(name)
        for name in [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com")]
    ),
    *(DOT.join((part, "debian", "org")) for part in ("deb", "security", "ftp", "snapshot")),
    DOT.join(("proxy", "golang", "org")),
]
PLACES = [f"/{'work'}/", f"/{'root'}/", f"/{'home'}/", f"{UP}{'shared'}", f"{UP}{DOT}{'library'}"]
FORBIDDEN = REGISTRIES + PLACES


def tracked() -> list[Path]:
    """Every file that is, or could be, committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def mentions(text: str) -> list[str]:
    """The forbidden words that stand in `text`, however they are written."""
    lowered = text.lower()
    return [word for word in FORBIDDEN if word in lowered]


def test_no_file_mentions_where_it_was_made():
    found = {
        str(path.relative_to(ROOT)): words
        for path in tracked()
        if (words := mentions(f"{path.name}\n{path.read_text(encoding='utf-8', errors='replace')}"))
    }
    assert found == {}


@pytest.mark.parametrize("word", FORBIDDEN)
def test_a_mention_is_seen(word):
    assert mentions(f"see {word.upper()} for more") == [word]


def test_the_files_are_found():
    assert {"pyproject.toml", "Makefile"} <= {path.name for path in tracked()}
