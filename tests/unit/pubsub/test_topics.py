"""Topics and patterns, as NATS has them."""

from __future__ import annotations

import re

import pytest
from bahamut.pubsub.topics import MAX_TOPIC, check_group, check_pattern, check_topic, matches
from hypothesis import given, strategies as st

WORDS = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=4)
PATTERNS = st.builds(
    lambda words, rest: ".".join(words + rest),
    st.lists(st.sampled_from(["a", "b", "ab", "*"]), min_size=1, max_size=4),
    st.sampled_from([[], [">"]]),
)


@given(PATTERNS, WORDS)
def test_x22_patterns_match_as_the_words_of_a_regular_expression_do(pattern, words):
    topic = ".".join(words)
    expression = re.escape(pattern).replace(r"\*", "[^.]+").replace(">", ".+")
    assert matches(pattern, topic) == (re.fullmatch(expression, topic) is not None)


@pytest.mark.parametrize(
    "topic",
    ["", "a b", "a\tb", "a\r\nPUB x 0", "a\0", "a..b", ".", "\udcff", "t" * (MAX_TOPIC + 1)],
)
def test_x45_what_is_no_subject_is_refused(topic):
    for check in check_topic, check_pattern:
        with pytest.raises(ValueError, match="nats: invalid subject"):
            check(topic)


@pytest.mark.parametrize("topic", ["*", ">", "a.*", "a.>", "a*b"])
def test_x45_wildcards_are_not_published_on(topic):
    with pytest.raises(ValueError, match="nats: invalid subject"):
        check_topic(topic)


@pytest.mark.parametrize("pattern", [">.a", "a>", "a.b>", "a*", "*a.b", "a.>>"])
def test_x45_misplaced_wildcards_are_refused(pattern):
    with pytest.raises(ValueError, match="nats: invalid subject"):
        check_pattern(pattern)


@pytest.mark.parametrize("pattern", [">", "*", "*.>", "a.*.b", "a.b", "été", "t" * MAX_TOPIC])
def test_patterns(pattern):
    check_pattern(pattern)


@pytest.mark.parametrize("name", ["", "a b", "a\n"])
def test_x45_groups_are_names(name):
    with pytest.raises(ValueError, match="invalid queue name"):
        check_group(name)
