"""The filter expressions of google-analytics mean what they say, by the emulator's own reading of filters."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from support.ga_property import matches

from monolith_plugins_ga.filters import parse

_conditions = st.builds(lambda name, value: f'{name} == "{value}"', st.sampled_from("abc"), st.sampled_from("01"))
_expressions = st.recursive(
    _conditions,
    lambda inner: st.one_of(
        inner.map(lambda each: f"not ({each})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda each: "({} {} {})".format(*each)),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda each: "{} {} {}".format(*each)),
    ),
    max_leaves=12,
)


@given(_expressions, st.fixed_dictionaries({name: st.sampled_from("01") for name in "abc"}))
def test_an_expression_means_what_it_means_in_python(text: str, fact: dict[str, str]):
    """Its operators bind as Python's do."""
    assert matches(parse(text, []).dimensions, fact) is eval(text, {}, fact)


@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_is_refused(text: str):
    with suppress(ValueError):
        parse(text, ["sessions"])
