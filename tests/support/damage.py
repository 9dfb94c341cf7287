"""Damage for tests with Hypothesis: JSON of which some values are wrong, missing or too many."""

import json
from typing import Any

from hypothesis import strategies as st

WRONG = st.one_of(
    st.floats(),
    st.integers(),
    st.integers(-(2**80), 2**80),
    st.sampled_from((0, -1, 1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 1e18, 1e308)),
    st.floats(0, 200),
    st.none(),
    st.booleans(),
    st.text(max_size=3),
    st.lists(st.floats(), max_size=2),
    st.just({}),
)
"""Values in place of others."""


@st.composite
def damaged_json(draw: st.DrawFn, text: str) -> str:
    """Damage JSON: replace or remove one to three values anywhere, or some characters."""
    if not draw(st.integers(0, 4)):
        at, until = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
        return text[:at] + draw(st.text(max_size=5)) + text[until if draw(st.booleans()) else at + 1 :]
    value = json.loads(text)
    for _ in range(draw(st.integers(1, 3))):
        place: Any = value
        while keys := list(place) if isinstance(place, dict) else list(range(len(place))):
            key = draw(st.sampled_from(keys))
            if not (isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 4))):
                _damage(draw, place, key)
                break
            place = place[key]
    return json.dumps(value)


def _damage(draw: st.DrawFn, place: Any, key: Any) -> None:
    if draw(st.integers(0, 3)):
        place[key] = draw(WRONG)
    elif isinstance(place, list):
        del place[key : key + draw(st.integers(1, 400))]
    elif draw(st.booleans()):
        del place[key]
    else:
        place["unknown"] = draw(WRONG)
