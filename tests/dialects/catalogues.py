"""The catalogues, compiled and searched for faults. `python -m tests.dialects.catalogues` makes each .po's .mo anew.

What is compiled holds no date and no version, so that equal words are equal bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from responder.dialects.wording.words import ENGLISH, LOCALES
from tests.house.tree import ROOT

CATALOGUES = ROOT / "responder" / "dialects" / "wording" / "catalogues"
# Korean entries in which no Hangul is missing, and why.
WITHOUT_HANGUL: Mapping[str, str] = {
    "command.cli.acknowledge": "typed as it stands",
    "command.cli.show": "typed as it stands",
    "command.slash.acknowledge": "typed as it stands",
    "command.slash.show": "typed as it stands",
}
HANGUL = re.compile("[\uac00-\ud7a3]")
# Particles whose form hangs on the word before them, or that read as part of it.
GLUED = re.compile(r"\}(은|는|이|가|을|를|과|와|으로|로|에게|에서|에|의|까지|부터|도|님)(?![\uac00-\ud7a3])")


class _Plain(Catalog):
    mime_headers = (("Content-Type", "text/plain; charset=utf-8"),)  # instead of dates


def sources(folder: Path = CATALOGUES) -> list[Path]:
    """Every .po, by locale and domain."""
    return sorted(folder.glob("*/*.po"))


def source(path: Path) -> Catalog:
    """A .po as it was written. Raises PoFileError where it is none."""
    with path.open("rb") as opened:
        return read_po(opened, abort_invalid=True)


def compiled(path: Path) -> bytes:
    """What the .mo beside a .po has to hold."""
    plain, into = _Plain(fuzzy=False), BytesIO()
    for message in source(path):
        if message.id and not message.fuzzy:
            plain.add(message.id, message.string)
    write_mo(into, plain)
    return into.getvalue()


def entries(locale: str, folder: Path = CATALOGUES, domain: str = "*") -> Mapping[str, str]:
    """Code -> words, of one domain of a locale or of all."""
    return {
        str(message.id): str(message.string)
        for path in sorted((folder / locale).glob(f"{domain}.po"))
        for message in source(path)
        if message.id
    }


def figures(words: str) -> set[str]:
    """The names in braces. Raises ValueError for an unbalanced brace."""
    return {name for _, name, _, _ in Formatter().parse(words) if name is not None}


def faults(folder: Path = CATALOGUES) -> list[str]:
    """Everything that is wrong, as `locale/domain code: what`."""
    return [*_of_files(folder), *_of_entries(folder), *_between_locales(folder)]


def _of_files(folder: Path) -> Iterator[str]:
    for path in sources(folder):
        beside = path.with_suffix(".mo")
        if not beside.exists() or beside.read_bytes() != compiled(path):
            yield f"{_place(path)}: its .mo is missing or an older one; run python -m tests.dialects.catalogues"
        if source(path).obsolete:
            yield f"{_place(path)}: entries that are commented out"
    for path in sorted(folder.glob("*/*.mo")):
        if not path.with_suffix(".po").exists():
            yield f"{_place(path)}: a .mo without its .po"
    for locale in LOCALES:
        written = Counter(
            code
            for path in sorted((folder / locale).glob("*.po"))
            for code in re.findall(r'^msgid "(.+)"$', path.read_text(encoding="utf-8"), re.MULTILINE)
        )
        yield from (f"{locale} {code}: {count} times" for code, count in written.items() if count > 1)


def _of_entries(folder: Path) -> Iterator[str]:
    for path in sources(folder):
        for message in source(path):
            if not message.id:
                continue
            place, words = f"{_place(path)} {message.id}", message.string
            if message.fuzzy or message.pluralizable or message.context:
                yield f"{place}: fuzzy, a plural or in a context; none of them is read"
            elif not words or str(words) != str(words).strip():
                yield f"{place}: empty, or with spaces around it"
            else:
                yield from (f"{place}: {fault}" for fault in _of_words(str(words)))
            if path.parent.name == "ko":
                yield from (f"{place}: {fault}" for fault in _of_korean(str(message.id), str(words)))


def _of_words(words: str) -> Iterator[str]:
    try:
        parts = [part for part in Formatter().parse(words) if part[1] is not None]
    except ValueError as problem:
        yield str(problem)
        return
    for _, name, spec, conversion in parts:
        if not str(name).isidentifier() or spec or conversion:
            yield f"{{{name}}} is more than the name of a figure"


def _of_korean(code: str, words: str) -> Iterator[str]:
    told = re.sub(r"\{\w*\}", "", words)
    lacks = any(letter.isalpha() for letter in told) and not HANGUL.search(told)
    if lacks and code not in WITHOUT_HANGUL:
        yield "no Hangul"
    if code in WITHOUT_HANGUL and not lacks:
        yield "stands in WITHOUT_HANGUL and need not"
    if glued := GLUED.search(words):
        yield f"a particle glued to a figure: {glued[0]}"


def _between_locales(folder: Path) -> Iterator[str]:
    english = entries(ENGLISH, folder)
    for locale in LOCALES:
        own = entries(locale, folder)
        yield from (f"{locale} {code}: missing" for code in sorted(english.keys() - own.keys()))
        yield from (f"{ENGLISH} {code}: missing" for code in sorted(own.keys() - english.keys()))
        for code in sorted(english.keys() & own.keys()):
            if _figures_or_none(own[code]) != _figures_or_none(english[code]):
                yield f"{locale} {code}: other figures than in English"


def _figures_or_none(words: str) -> set[str] | None:
    try:
        return figures(words)
    except ValueError:  # told for the entry itself
        return None


def _place(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def main() -> None:
    for path in sources():
        path.with_suffix(".mo").write_bytes(compiled(path))


if __name__ == "__main__":
    main()
