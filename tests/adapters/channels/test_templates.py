"""Templates: what they may do, what they may not, and that hostile text stays text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.adapters.channels.templates import MOST, SOURCE_MOST, BadTemplate, Rendering
from responder.adapters.channels.values import SAMPLES, VARIABLES
from responder.core.policy.messages import Template

VALUES = SAMPLES[0]
HOSTILE = st.text(st.characters()) | st.sampled_from(
    [
        '"',
        "\\",
        '\\"',
        "\n",
        "\u2028",
        "\ud800",
        "</script>",
        "{{ headline }}",
        "{% raw %}",
        '", "to": "',
        "\x00",
        "",
    ]
)


def json_template(source: str) -> Rendering:
    return Rendering("sms", Template("json", source))


def txt_template(source: str) -> Rendering:
    return Rendering("sms", Template("txt", source))


def with_text(text: str) -> dict[str, object]:
    """A message that says `text` wherever it can."""
    return {
        "channel": text,
        "key": text,
        "to": text,
        "recipient": text,
        "purpose": text,
        "reason": text,
        "headline": text,
        "body": [text, text],
        "incident": text,
        "level": 3,
        "state": text,
        "revision": 1,
        "links": {"runbook": text},
        "facts": dict.fromkeys(VALUES["facts"], text),  # type: ignore[call-overload]  # a mapping
        "is_repeat": True,
    }


@given(HOSTILE)
def test_in_json_any_text_stays_the_text_it_is(text):
    rendering = json_template(
        '{"to": "{{ to }}", "text": "{{ headline }}: {{ body | join("\\n") }}", "n": {{ level }}, '
        '"again": {{ is_repeat }}, "lines": {{ body | tojson }}, "links": {{ links | tojson }}, '
        '"of {{ facts.rule }}": [{% for line in body %}"{{ loop.index }} {{ line }}"'
        '{{ "," if not loop.last }}{% endfor %}]}'
    )
    found = json.loads(rendering.render(with_text(text)))
    assert found["to"] == text
    assert found["text"] == f"{text}: {text}\n{text}"
    assert found["lines"] == [text, text]
    assert found["links"] == {"runbook": text}
    assert (found["n"], found["again"]) == (3, True)
    assert found[f"of {text}"] == [f"1 {text}", f"2 {text}"]


@given(HOSTILE)
def test_in_plain_text_any_text_stays_the_text_it_is(text):
    assert txt_template("{{ headline }}|{{ to }}").render(with_text(text)) == f"{text}|{text}"


def test_what_is_nothing_is_written_as_nothing():
    assert txt_template("{{ links.get('runbook') }}{{ is_repeat }}").render(SAMPLES[1]) == "false"


def test_a_template_knows_its_media_type():
    assert json_template("{}").media_type == "application/json"
    assert txt_template("x").media_type == "text/plain; charset=utf-8"


def test_every_variable_is_tried():
    assert {*SAMPLES[0]} == {*SAMPLES[1]} == VARIABLES - {"fields"}


def test_a_field_is_tried_and_one_that_the_channel_lacks_is_a_fault():
    template = Template("json", '{"key": "{{ fields.key }}"}')
    found = Rendering("pager", template, fields=["key"]).render({**SAMPLES[0], "fields": {"key": 'a "b"'}})
    assert json.loads(found) == {"key": 'a "b"'}
    with pytest.raises(BadTemplate, match="has no attribute 'key'"):
        Rendering("pager", template)


@pytest.mark.parametrize(
    "medium, source, why",
    [
        pytest.param("txt", "ok\n{{ headline", "sms.txt, line 2: unexpected end", id="syntax"),
        pytest.param(
            "txt", "ok\n{{ headlin }}", "sms.txt, line 2: a message has no 'headlin'", id="no such value"
        ),
        pytest.param("txt", "{{ facts.ruel }}", "line 1: .* has no attribute 'ruel'", id="no such fact"),
        pytest.param(
            "txt", "a\nb\n{{ links.runbook }}", "line 3: .* has no attribute 'runbook'", id="a link missing"
        ),
        pytest.param("txt", "{{ 1 / 0 }}", "line 1: division by zero", id="a sum that fails"),
        pytest.param("txt", "{{ headline + 1 }}", "line 1: ", id="text and number"),
        pytest.param("txt", "{% include 'other' %}", "line 1: ", id="other files"),
        pytest.param("txt", "x" * (SOURCE_MOST + 1), "longer than", id="a long template"),
        pytest.param("json", "{{ headline }}", "no JSON, at line 1 column", id="no quotes"),
        pytest.param("json", '{"a": "{{ headline | tojson }}"}', "no JSON", id="quotes twice"),
        pytest.param("json", '{"a": 1,}', "no JSON", id="a comma too many"),
    ],
)
def test_a_template_that_would_fail_when_it_is_needed_fails_when_it_is_loaded(medium, source, why):
    with pytest.raises(BadTemplate, match=why):
        Rendering("sms", Template(medium, source))


@pytest.mark.parametrize(
    "source",
    [
        "{{ headline.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ headline['__class__'] }}",
        "{{ body.append('x') }}",
        "{{ links.update({'a': 'b'}) }}",
        "{{ links.pop('runbook') }}",
        "{{ '{0.__class__}'.format(headline) }}",
        "{{ '%s' % headline }}",
        "{{ headline | attr('__class__') }}",
        "{{ self }}",
        "{{ self._TemplateReference__context }}",
        "{{ loop }}",
        "{{ cycler }}",
        "{{ lipsum() }}",
        "{% for x in range(10) %}x{% endfor %}",
        "{% set range = range %}{{ range(10) | list }}",
        "{{ namespace() }}",
        "{{ 'x' * 1000 }}",
        "{{ body * 1000 }}",
        "{{ 10 ** 10 }}",
        "{{ 999999999 * 999999999 }}",
        "{{ '%100000000d' % 5 }}",
        "{{ 'x'.ljust(100000000) }}",
        "{{ 'x'.zfill(100000000) }}",
        "{{ 'x' | center(100000000) }}",
        "{{ '%d' | format(5) }}",
        "{{ 'x' | indent(100000000) }}",
        "{{ level.to_bytes(100000000, 'big') }}",
        "{% for x in body %}{{ loop.__class__ }}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ headline.__init__.__globals__ }}",
    ],
)
def test_a_template_gets_at_nothing_but_the_message_and_makes_no_much_of_little(source):
    with pytest.raises(BadTemplate):
        txt_template(source)


def test_what_is_rendered_has_a_limit():
    rendering = txt_template("{% for line in body %}{{ headline }}{% endfor %}")
    values = {**VALUES, "headline": "x" * 1000, "body": ["line"] * 1000}
    with pytest.raises(BadTemplate, match=f"more than {MOST}"):
        rendering.render(values)


def test_a_fault_at_the_moment_of_sending_names_the_line():
    rendering = txt_template("a\n{% if level == 4 %}\n{{ facts.nothing }}\n{% endif %}")
    with pytest.raises(BadTemplate, match=r"sms\.txt, line 3: .*nothing"):
        rendering.render({**VALUES, "level": 4})


def test_sums_and_tests_and_text_are_there():
    source = (
        "{{ (level * 2 + 1) % 4 }} {{ headline | upper | truncate(4, true, '.') }} {{ body | length }} "
        "{{ links.runbook | default('none') }} {{ key.startswith('I42') }} {% set x = state %}{{ x }}"
    )
    assert txt_template(source).render(VALUES) == "3 [L3. 2 https://responder.example/ true open"
