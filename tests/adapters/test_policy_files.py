"""Policy files: plain data from hostile YAML, every fault with its file and line, and nothing half loaded."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from responder.adapters.policy_files import (
    DEEPEST,
    LARGEST_FILE,
    MOST_NODES,
    PolicyFiles,
    Unreadable,
    read_yaml,
)
from responder.core.errors import PolicyFaults
from tests.core.policy.documents import FILES, KINDS, book, documents


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with policies that fit."""
    found: Path = tmp_path / "policies"
    (found / "messages").mkdir(parents=True)
    for name, document in documents().items():
        YAML().dump(document, found / f"{name}.yaml")
    for name, source in FILES.items():
        (found / "messages" / name).write_text(source, encoding="utf-8")
    return found


def source(folder: Path) -> PolicyFiles:
    return PolicyFiles(folder=folder, channel_kinds=KINDS)


def faults(folder: Path) -> list[tuple[str, int, str, str]]:
    """File, line, what and instead of everything that keeps the folder from being a book."""
    with pytest.raises(PolicyFaults) as caught:
        source(folder).load()
    return [(Path(each.file).name, each.line, each.what, each.instead) for each in caught.value.faults]


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_a_folder_is_loaded_as_the_documents_it_holds(folder):
    assert source(folder).load().hash == book().hash


def test_an_edit_is_seen_by_the_next_load(folder):
    files = source(folder)
    before = files.load().hash
    edit(folder / "messages" / "chat.json", "headline", "key")
    assert files.load().hash != before


def test_faults_of_all_files_come_together_sorted_each_with_its_line(folder):
    (folder / "duties.yaml").write_text(
        "version: 1\nduties:\n  notice:\n    name: Notice\n    page:\n      - boss\n      - bos\n    remindd: 1h\n"
    )
    edit(folder / "contacts.yaml", "methods:", "metods:")
    (folder / "messages" / "Chat.html").write_text("x")
    assert faults(folder) == [
        ("contacts.yaml", 5, "unknown field `metods`", "did you mean `methods`?"),
        ("duties.yaml", 7, "there is no contact `bos`", "did you mean `boss`?"),
        ("duties.yaml", 8, "unknown field `remindd`", "did you mean `remind`?"),
        ("Chat.html", 0, "no message has such a name", "call it NAME.txt or NAME.json, in lower case"),
    ]


def test_a_misplaced_value_has_the_line_of_its_own_item(folder):
    text = "version: 1\nrosters:\n  weekly:\n    members: [ann,\n      bn]\n    starts: 2026-01-05\n    timezone: UTC\n"
    (folder / "rosters.yaml").write_text(text)
    assert faults(folder) == [("rosters.yaml", 5, "there is no contact `bn`", "did you mean `ben`?")]


def test_what_is_missing_has_the_line_of_what_lacks_it(folder):
    (folder / "rosters.yaml").write_text(
        "version: 1\nrosters:\n  weekly:\n    members: [ann]\n    starts: 2026-01-05\n"
    )
    assert faults(folder) == [("rosters.yaml", 3, "`timezone` is missing", "add `timezone: …`")]


def test_a_file_that_is_no_yaml_lets_the_others_be_checked(folder):
    (folder / "contacts.yaml").write_text("version: 1\ncontacts:\n  a: [\n")
    edit(folder / "duties.yaml", "page:", "pages:")
    found = faults(folder)
    assert [(file, line) for file, line, _, _ in found] == [("contacts.yaml", 4), ("duties.yaml", 5)]
    assert "no YAML" in found[0][2]


def test_a_channel_that_cannot_be_made_has_the_line_of_what_is_wrong_with_it(folder):
    def channel_faults(name, entry, messages):
        return (
            [("template", f"{entry.config['template']}.{messages['chat'].medium}, line 1: bad")]
            if name == "chat"
            else []
        )

    files = PolicyFiles(folder=folder, channel_kinds=KINDS, channel_faults=channel_faults)
    with pytest.raises(PolicyFaults) as caught:
        files.load()
    [fault] = caught.value.faults
    written = (folder / "channels.yaml").read_text(encoding="utf-8").splitlines()
    assert (Path(fault.file).name, fault.what) == ("channels.yaml", "chat.json, line 1: bad")
    assert written[fault.line - 1].strip() == "template: chat"


def test_a_missing_document_is_one_fault(folder):
    (folder / "channels.yaml").unlink()
    assert faults(folder) == [
        ("channels.yaml", 0, "this document is missing", "start from the one that is shipped")
    ]


def test_documents_that_may_be_left_out_may_be_left_out(folder):
    (folder / "heartbeats.yaml").unlink()
    assert dict(source(folder).load().heartbeats) == {}


@pytest.mark.parametrize(
    "name, instead",
    [
        ("level.yaml", "did you mean `levels.yaml`?"),
        ("levels.yml", "rename it to levels.yaml"),
        ("zzz.yaml", ""),
    ],
)
def test_a_file_that_nobody_would_read_is_a_fault(folder, name, instead):
    (folder / name).write_text("version: 1\n")
    [(file, line, _, found)] = faults(folder)
    assert (file, line, found if instead else "") == (name, 0, instead)


@pytest.mark.parametrize("name", ["README.md", "alertmanager-route.yml", ".hidden.yaml", "messages/.swp"])
def test_files_that_are_no_policies_are_left_alone(folder, name):
    (folder / name).write_text(": no: yaml: [")
    assert source(folder).load().hash == book().hash


def test_a_folder_that_is_a_mounted_config_map_is_read(folder, tmp_path):
    """Kubernetes mounts links to files in a folder `..data`, itself a link."""
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    (mounted / "..data").symlink_to(folder)
    for path in folder.glob("*.yaml"):
        (mounted / path.name).symlink_to(Path("..data") / path.name)
    (mounted / "messages").symlink_to(Path("..data") / "messages")
    assert source(mounted).load().hash == book().hash


def test_no_folder_is_a_fault_of_its_own(tmp_path):
    [(file, line, what, _)] = faults(tmp_path / "nowhere")
    assert (file, line, what) == ("nowhere", 0, "there is no such folder")


UNREADABLE = {
    "a key twice": (
        b"version: 1\nduties: {}\nversion: 1\n",
        3,
        "`version` stands here twice, first in line 1",
    ),
    "a tag that would call something": (
        b"version: 1\nduties: !!python/object/apply:os.system ['true']\n",
        2,
        "the tag `python/object/apply:os.system` is not understood here",
    ),
    "a tag of one's own": (b"version: !env VERSION\n", 1, "the tag `!env` is not understood here"),
    "a tag on a mapping": (
        b"version: 1\nduties: !!python/dict {}\n",
        2,
        "the tag `python/dict` is not understood",
    ),
    "a tag on a list": (b"version: 1\nduties: !own []\n", 2, "the tag `!own` is not understood"),
    "a merge": (b"a: &a {x: 1}\nb:\n  <<: *a\n", 3, "`<<` is not understood here"),
    "an alias of nothing": (b"a: *b\n", 1, "this is no YAML: found undefined alias 'b'"),
    "an alias that holds itself": (b"a: &a\n  b: *a\n", None, "an alias holds itself"),
    "two documents": (b"a: 1\n---\nb: 2\n", 0, "it holds 2 documents"),
    "no document": (b"# nothing\n", 0, "it holds 0 documents"),
    "bytes that are no UTF-8": (b"version: 1\nduties: \xff\n", 2, "it is not UTF-8 here"),
    "a control character": (b"version: 1\x07\n", 0, "this is no YAML"),
    "too large": (b"#" * (LARGEST_FILE + 1), 0, "it is larger than 1024 KiB"),
    "too deep": (b"a: " + b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), 1, "too deep"),
    "far too deep": (b"[" * 5_000, 0, "this is no YAML"),
    "a key that is a list": (b"? [a, b]\n: 1\n", 1, "a key is text or a number"),
    "a tab": (b"version: 1\nduties:\n\tnotice: 1\n", 3, "this is no YAML"),
}


@pytest.mark.parametrize(
    "raw, line, words", [pytest.param(*case, id=name) for name, case in UNREADABLE.items()]
)
def test_what_cannot_be_read_says_where_and_why(folder, raw, line, words):
    (folder / "duties.yaml").write_bytes(raw)
    found = faults(folder)
    assert {file for file, *_ in found} == {"duties.yaml"}
    assert any(words in what for _, _, what, _ in found)
    assert line is None or found[0][1] == line


def test_aliases_that_multiply_are_cut_short():
    """Nine lists of nine of each other: a billion items of one kilobyte."""
    names = "abcdefghij"
    lines = [f"a: &a [{','.join('x' * 9)}]"]
    lines += [f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]" for before, name in pairwise(names)]
    with pytest.raises(Unreadable, match="too large"):
        read_yaml("\n".join(lines))
    assert MOST_NODES < 9**6


@pytest.mark.parametrize(
    "written, found",
    [
        ("on", "on"),
        ("no", "no"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("12", 12),
        ("012", 12),
        ("0o14", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("15m", "15m"),
        ("09:00", "09:00"),
        ("2026-01-05", "2026-01-05"),
        ("2026-12-24 09:00:00", "2026-12-24 09:00:00"),
        ("2026-12-24T09:00:00+09:00", "2026-12-24T09:00:00+09:00"),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("심각", "심각"),
        ("[1, a]", [1, "a"]),
    ],
    ids=repr,
)
def test_a_value_is_what_yaml_1_2_says_and_a_date_stays_text(written, found):
    assert read_yaml(f"value: {written}\n").data == {"value": found}


def test_keys_are_numbers_or_text():
    assert read_yaml("1: a\n'2': b\ntrue: c\n2026-01-05: d\n").data == {
        1: "a",
        "2": "b",
        "true": "c",
        "2026-01-05": "d",
    }


def test_an_alias_stands_for_what_it_names_at_both_places():
    read = read_yaml("a: &a {x: 1}\nb: *a\n")
    assert read.data == {"a": {"x": 1}, "b": {"x": 1}}
    assert (read.line(("a", "x")), read.line(("b", "x")), read.line(("b", "y", "z"))) == (1, 1, 2)


def test_a_windows_editors_byte_order_mark_is_no_fault(folder):
    path = folder / "duties.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    message = folder / "messages" / "chat.json"
    message.write_bytes(b"\xef\xbb\xbf" + message.read_bytes())
    assert source(folder).load().hash == book().hash


def test_a_file_that_may_not_be_read_is_a_fault(folder):
    (folder / "duties.yaml").unlink()
    (folder / "duties.yaml").mkdir()
    assert faults(folder) == [("duties.yaml", 0, "it cannot be read: Is a directory", "")]
