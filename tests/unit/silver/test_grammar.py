from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loginlake.silver.grammar import nesting

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def depth(document: object) -> int:
    if isinstance(document, dict):
        return 1 + max(map(depth, document.values()), default=0)
    return 1 + max(map(depth, document), default=0) if isinstance(document, list) else 0


@given(JSON, st.booleans(), st.sampled_from([None, 1]))
def test_json_is_json_and_as_deep_as_it_is(document: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    assert nesting(text) == depth(document)


def refuse_constant(name: str) -> None:
    raise ValueError(name)


@given(st.text(alphabet='[]{},:"\\ 0123eE+-.truefalsnu\t\n\x01é', max_size=12))
def test_agrees_with_the_standard_library_on_any_text(text: str) -> None:
    try:
        expected: int | None = depth(json.loads(text, parse_constant=refuse_constant))
    except ValueError:
        expected = None
    assert nesting(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "\ufeff{}", "{", "}", "[}", "{]", "[1,]", '{"a":1,}', '{"a"}', "{1:2}", "[1 2]", "01", "1.", ".5", "+1",
     "NaN", "Infinity", "-", "1e", "tru", '"\\x"', '"\\u12"', '"a\x00"', '"a\nb"', "{}{}", "{} x", "'a'", "[,1]", ":",
     ","],
)  # fmt: skip
def test_what_is_not_json(text: str) -> None:
    assert nesting(text) is None


def test_depth_does_not_depend_on_a_stack() -> None:
    assert nesting("[" * 100_000 + "]" * 100_000) == 100_000
    assert nesting('{"a":' * 50_000 + "1" + "}" * 50_000) == 50_000
    assert nesting("[" * 100_000) is None
