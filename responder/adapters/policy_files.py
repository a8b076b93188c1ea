"""Policies as YAML files in a folder, `levels.yaml` and its companions, with message templates in `messages/`.

The YAML is composed, never constructed: this module makes plain data from the nodes itself, so no tag can call
anything, a key that stands twice is a fault, and every value knows its line.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from responder.core.errors import Fault, PolicyFaults
from responder.core.identifiers import ChannelName
from responder.core.policy.book import DOCUMENTS, PolicyBook, assemble
from responder.core.policy.channels import ChannelEntry
from responder.core.policy.messages import Template
from responder.core.policy.misfits import Misfit, Misfits, suggestion
from responder.core.policy.misfits import Path as Keys

LARGEST_FILE = 1024 * 1024  # bytes; a thousand times what policies need
MOST_NODES = 50_000  # of one document, an alias counted as often as it is used
DEEPEST = 32  # levels of nesting


@dataclass(frozen=True, slots=True)
class Read:
    """A document as plain data, and the line of each key and item."""

    data: object
    lines: Mapping[Keys, int]

    def line(self, path: Keys) -> int:
        """Of the place itself, else of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)


# What keeps a channel from being made, as (place within its configuration, what is wrong).
ChannelFaults = Callable[[ChannelName, ChannelEntry, Mapping[str, Template]], Iterable[tuple[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFiles:
    """The policy source that reads a folder anew at each `load`.

    channel_kinds, channel_models: as `assemble` has them. channel_faults: asked about each channel of a whole book.
    """

    folder: Path
    channel_kinds: Collection[str]
    channel_models: Mapping[str, type[BaseModel]] = field(default_factory=lambda: MappingProxyType({}))
    channel_faults: ChannelFaults | None = None

    def load(self) -> PolicyBook:
        """Raises PolicyFaults, sorted by file and line; files are named relative to the folder's parent."""
        if not self.folder.is_dir():
            fault = Fault(
                str(self.folder),
                0,
                "there is no such folder",
                "set RESPONDER_POLICIES to the policies' folder",
            )
            raise PolicyFaults((fault,))
        faults = [*self._strangers()]
        documents, unread = self._documents(faults)
        templates = self._templates(faults)
        try:
            book = assemble(
                {name: read.data for name, read in documents.items()},
                templates,
                channel_kinds=self.channel_kinds,
                channel_models=self.channel_models,
                unread=unread,
            )
        except Misfits as found:
            faults += [self._fault(misfit, documents) for misfit in found.misfits]
            raise PolicyFaults(tuple(sorted(set(faults)))) from found
        faults += [self._fault(misfit, documents) for misfit in self._unmakeable(book)]
        if faults:
            raise PolicyFaults(tuple(sorted(set(faults))))
        return book

    def _unmakeable(self, book: PolicyBook) -> Iterator[Misfit]:
        """Channels that could not be made of what their entries and messages say."""
        faults_of = self.channel_faults or _no_faults
        for name, entry in book.channels.items():
            for place, what in faults_of(name, entry, book.messages):
                path = ("channels", name, entry.kind, *place.split("."))
                yield Misfit(document="channels", path=path, what=what)

    def _strangers(self) -> Iterator[Fault]:
        """Files that look like documents and are none; what was meant would go unread."""
        for path in sorted(self.folder.iterdir()):
            if path.suffix not in (".yaml", ".yml") or path.name.startswith("."):
                continue
            name = path.stem.lower()
            if path.suffix == ".yaml" and path.stem not in DOCUMENTS:
                what = "there is no such policy document"
                yield Fault(str(path), 0, what, suggestion(name, [f"{each}.yaml" for each in DOCUMENTS]))
            elif path.suffix == ".yml" and name in DOCUMENTS:
                yield Fault(str(path), 0, "policy documents end in .yaml", f"rename it to {name}.yaml")

    def _documents(self, faults: list[Fault]) -> tuple[dict[str, Read], list[str]]:
        """Those that are there by name, and the names of those that could not be read, which are added to `faults`."""
        found, unread = {}, []
        for name in DOCUMENTS:
            path = self.folder / f"{name}.yaml"
            if not path.exists():
                continue
            try:
                found[name] = read_yaml(_text(path))
            except Unreadable as wrong:
                unread.append(name)
                faults += [Fault(str(path), line, what, instead) for line, what, instead in wrong.places]
        return found, unread

    def _templates(self, faults: list[Fault]) -> dict[str, str]:
        found: dict[str, str] = {}
        folder = self.folder / "messages"
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name.startswith(".") or not path.is_file():
                continue
            try:
                found[path.name] = _text(path)
            except Unreadable as wrong:
                faults += [Fault(str(path), line, what, instead) for line, what, instead in wrong.places]
        return found

    def _fault(self, misfit: Misfit, documents: Mapping[str, Read]) -> Fault:
        if misfit.document.startswith("messages/"):
            return Fault(str(self.folder / misfit.document), 0, misfit.what, misfit.instead)
        read = documents.get(misfit.document)
        line = read.line(misfit.path) if read else 0
        return Fault(str(self.folder / f"{misfit.document}.yaml"), line, misfit.what, misfit.instead)


def _no_faults(*_: object) -> Iterable[tuple[str, str]]:
    return ()


class Unreadable(Exception):
    """A file that is no document: (line, what is wrong, what to write instead), each."""

    def __init__(self, *places: tuple[int, str, str]) -> None:
        super().__init__("; ".join(f"{line}: {what}" for line, what, _ in places))
        self.places = places


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if size <= LARGEST_FILE else b""
    except OSError as failed:
        raise Unreadable((0, f"it cannot be read: {failed.strerror}", "")) from failed
    if size > LARGEST_FILE:
        raise Unreadable((0, f"it is larger than {LARGEST_FILE // 1024} KiB", "split or shorten it"))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = raw[: wrong.start].count(b"\n") + 1
        raise Unreadable((line, "it is not UTF-8 here", "save it as UTF-8")) from wrong


def read_yaml(text: str) -> Read:
    """Raises Unreadable with every duplicate key and tag, or with the first place that is no YAML."""
    try:
        documents = list(YAML(typ="rt", pure=True).compose_all(text))
    except MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        words = wrong.problem or wrong.context or "something is wrong"
        raise Unreadable((mark.line + 1 if mark else 0, f"this is no YAML: {words}", "")) from wrong
    except (YAMLError, ValueError, RecursionError) as wrong:
        raise Unreadable((0, f"this is no YAML: {type(wrong).__name__}", "")) from wrong
    if len(documents) != 1 or documents[0] is None:
        raise Unreadable(
            (0, f"it holds {len(documents)} documents", "write exactly one, without `---` between")
        )
    walk = _Walk()
    data = walk.plain(documents[0], ())
    if walk.wrong:
        raise Unreadable(*walk.wrong)
    return Read(data, walk.lines)


_CORE = "tag:yaml.org,2002:"
_TRUTH = {"true": True, "false": False}


class _Walk:
    """Makes plain data of nodes, noting lines, and everything that is wrong."""

    def __init__(self) -> None:
        self.lines: dict[Keys, int] = {}
        self.wrong: list[tuple[int, str, str]] = []
        self._nodes = 0

    def plain(self, node: Node, path: Keys) -> object:
        self._nodes += 1
        if self._nodes > MOST_NODES or len(path) > DEEPEST:
            raise Unreadable(
                (_line(node), "it is too large or too deep, or an alias holds itself", "write it out")
            )
        self.lines.setdefault(path, _line(node))
        match node:
            case MappingNode():
                return self._mapping(node, path)
            case SequenceNode():
                self._check_tag(node, "seq")
                return [self.plain(item, (*path, index)) for index, item in enumerate(node.value)]
            case ScalarNode():
                return self._scalar(node)
            case _:
                raise Unreadable((_line(node), "this cannot be read", ""))

    def _mapping(self, node: MappingNode, path: Keys) -> dict[str | int, object]:
        self._check_tag(node, "map")
        found: dict[str | int, object] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key in found:
                first = self.lines[(*path, key)]
                self._complain(
                    key_node, f"`{key}` stands here twice, first in line {first}", "keep one of them"
                )
                continue
            self.lines[(*path, key)] = _line(key_node)
            found[key] = self.plain(value_node, (*path, key))
        return found

    def _key(self, node: Node) -> str | int:
        if isinstance(node, ScalarNode):
            if _tag(node) == "merge":
                self._complain(node, "`<<` is not understood here", "write the fields out")
                return "<<"
            key = self._scalar(node)
            # A date or a truth value as a key is taken as the text that stands there.
            return key if isinstance(key, str | int) and not isinstance(key, bool) else str(node.value)
        self._complain(node, "a key is text or a number", "write `name: value`")
        return ""

    def _scalar(self, node: ScalarNode) -> object:
        text = str(node.value)
        match _tag(node):
            case "str" | "timestamp":
                return text
            case "null":
                return None
            case "bool":
                return _TRUTH.get(text.lower(), text)
            case "int" | "float" as kind:
                return self._number(node, text, kind)
            case other:
                self._complain(node, f"the tag `{other}` is not understood here", "remove it")
                return text

    def _number(self, node: ScalarNode, text: str, kind: str) -> object:
        try:
            return int(text, 10 if text.lstrip("+-").isdecimal() else 0) if kind == "int" else float(text)
        except ValueError:
            self._complain(
                node, f"the number `{text[:40]}` cannot be read", "write it in quotes if it is text"
            )
            return 0

    def _check_tag(self, node: Node, expected: str) -> None:
        if _tag(node) != expected:
            self._complain(node, f"the tag `{_tag(node)}` is not understood here", "remove it")

    def _complain(self, node: Node, what: str, instead: str) -> None:
        self.wrong.append((_line(node), what, instead))


def _tag(node: Node) -> str:
    return str(node.tag).removeprefix(_CORE)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
