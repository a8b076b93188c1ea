"""A page that shows posts and forms about as Slack would, for looking at them without a workspace.

It is one file without scripts, and everything in it is escaped. What it does not know how to draw it shows as JSON,
so that nothing is overlooked; Slack itself has the last word on how a message looks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from responder.dialects.slack.blocks import Post
from responder.dialects.slack.text import Block

_STYLE = """
body { margin: 0; padding: 24px; background: #f4f4f5; color: #1d1c1d;
  font: 15px/1.47 Lato, "Noto Sans", "Noto Sans CJK KR", "Apple SD Gothic Neo", "Malgun Gothic", "Noto Color Emoji",
  sans-serif; }
h1 { font-size: 20px; margin: 0 0 16px; }
article { max-width: 760px; margin: 0 0 28px; }
h2 { font-size: 13px; font-weight: 600; color: #616061; margin: 0 0 6px; }
.post { display: flex; gap: 10px; padding: 12px 16px; background: #fff; border: 1px solid #ddd; border-radius: 8px; }
.face { flex: none; width: 36px; height: 36px; border-radius: 8px; background: #1f4e79; color: #fff;
  font-weight: 700; display: grid; place-items: center; }
.said { min-width: 0; flex: 1; }
.by { font-weight: 900; } .by span { font-size: 10px; font-weight: 600; background: #e8e8e8; color: #616061;
  border-radius: 3px; padding: 1px 4px; margin-left: 4px; vertical-align: 2px; }
.block { margin: 4px 0 8px; } .text { white-space: pre-wrap; overflow-wrap: anywhere; }
.head { font-size: 18px; font-weight: 900; } ul { margin: 2px 0; padding-left: 26px; }
a { color: #1264a3; text-decoration: none; } hr { border: 0; border-top: 1px solid #ddd; }
button { font: inherit; font-weight: 700; font-size: 13px; line-height: 26px; padding: 0 10px; margin: 0 8px 6px 0;
  border: 1px solid #bbb; border-radius: 4px; background: #fff; color: #1d1c1d; }
button.primary { background: #007a5a; border-color: #007a5a; color: #fff; }
button.danger { background: #e01e5a; border-color: #e01e5a; color: #fff; }
.context { font-size: 12px; color: #616061; }
.form { max-width: 480px; padding: 16px 20px; background: #fff; border: 1px solid #ddd; border-radius: 8px;
  box-shadow: 0 4px 16px #0002; }
.form h3 { margin: 0 0 12px; font-size: 18px; } .form .end { text-align: right; }
label { display: block; font-weight: 700; margin-bottom: 4px; }
.field { border: 1px solid #999; border-radius: 4px; padding: 6px 10px; color: #767676; min-height: 22px; }
details { font-size: 12px; color: #616061; margin-top: 4px; } pre { white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def page(posts: Sequence[tuple[str, Post | Block]], title: str = "Slack messages") -> str:
    """Each with its caption: a post, or a form as views.open takes it."""
    shown = "".join(
        f"<article><h2>{escape(caption)}</h2>{_drawn(found)}</article>\n" for caption, found in posts
    )
    return (
        '<!doctype html>\n<html><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{shown}</body></html>\n"
    )


def _drawn(found: Post | Block) -> str:
    if not isinstance(found, Post):
        return _form(found)
    blocks = "".join(_block(block) for block in found.blocks)
    return (
        '<div class="post"><div class="face">R</div><div class="said">'
        f'<div class="by">responder <span>APP</span></div>{blocks}</div></div>'
        f"<details><summary>notification</summary><pre>{_fallback(found.text)}</pre></details>"
    )


def _form(view: Mapping[str, object]) -> str:
    blocks = "".join(_block(block) for block in _parts(view, "blocks"))
    ends = f'<button>{_text(view.get("close"))}</button><button class="primary">{_text(view.get("submit"))}</button>'
    return f'<div class="form"><h3>{_text(view.get("title"))}</h3>{blocks}<div class="end">{ends}</div></div>'


def _block(block: Mapping[str, object]) -> str:
    match block.get("type"):
        case "rich_text":
            return _in("block", "".join(_rich(part) for part in _parts(block, "elements")))
        case "header":
            return _in("block head", _text(block.get("text")))
        case "section":
            return _in("block text", _text(block.get("text")))
        case "context":
            return _in("block context text", " ".join(_text(part) for part in _parts(block, "elements")))
        case "actions":
            return _in("block", "".join(_button(part) for part in _parts(block, "elements")))
        case "divider":
            return "<hr>"
        case "input":
            return _input(block)
        case _:
            return _unknown(block)


def _rich(part: Mapping[str, object]) -> str:
    match part.get("type"):
        case "rich_text_section":
            return _in("text", "".join(_piece(each) for each in _parts(part, "elements")))
        case "rich_text_list":
            return f"<ul>{''.join(f'<li>{_rich(each)}</li>' for each in _parts(part, 'elements'))}</ul>"
        case _:
            return _unknown(part)


def _piece(piece: Mapping[str, object]) -> str:
    style = piece.get("style")
    match piece.get("type"):
        case "text":
            text = escape(str(piece.get("text")))
        case "link":
            url = str(piece.get("url"))
            text = f'<a href="{escape(url)}" rel="noreferrer">{escape(str(piece.get("text") or url))}</a>'
        case _:
            return _unknown(piece)
    return f"<b>{text}</b>" if isinstance(style, Mapping) and style.get("bold") else text


def _button(button: Mapping[str, object]) -> str:
    if button.get("type") != "button":
        return _unknown(button)
    return f'<button class="{escape(str(button.get("style", "")))}">{_text(button.get("text"))}</button>'


def _input(block: Mapping[str, object]) -> str:
    element = block.get("element")
    held = _held(element) if isinstance(element, Mapping) else _unknown(element)
    hint = _in("context", _text(block.get("hint")))
    return _in("block", f"<label>{_text(block.get('label'))}</label>{_in('field', held)}{hint}")


def _held(element: Mapping[str, object]) -> str:
    """What stands in a field before somebody has touched it."""
    chosen = element.get("initial_option")
    return _text(chosen.get("text") if isinstance(chosen, Mapping) else element.get("placeholder"))


def _text(found: object) -> str:
    """A plain_text object. Any other is what we never send, so it is shown as it is."""
    if found is None:
        return ""
    is_plain = isinstance(found, Mapping) and found.get("type") == "plain_text"
    return escape(str(found["text"])) if is_plain and isinstance(found, Mapping) else _unknown(found)


def _fallback(text: str) -> str:
    """Slack undoes these three escapes, and no others."""
    return escape(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def _unknown(found: object) -> str:
    return f"<pre>{escape(json.dumps(found, ensure_ascii=False, indent=1))}</pre>"


def _in(kind: str, inner: str) -> str:
    return f'<div class="{kind}">{inner}</div>'


def _parts(block: Mapping[str, object], name: str) -> Iterable[Mapping[str, object]]:
    found = block.get(name)
    return [part for part in found if isinstance(part, Mapping)] if isinstance(found, list | tuple) else []
