"""Whatever a request says, it is understood or refused."""

import ipaddress
import string
from typing import Any

import pytest
from bahamut.elemental import Error, Errors
from bahamut.elemental.negotiation import encodings_from_headers
from bahamut.elemental.parameters import PARAMETER_TYPES, ParameterDefinition
from bahamut.elemental.raw_request import RawRequest
from bahamut.elemental.request import Request, RequestSettings, parse_request, split_version
from hypothesis import given, strategies as st
from multidict import CIMultiDict
from tests.conformance.tables.support import registry
from tests.fuzz.support import damaged, mostly, nested, outcome, texts

pytestmark = pytest.mark.fuzz
WORKSHOP = registry("workshop")
CATEGORIES = [identity.category for identity in WORKSHOP.all_identities()]
NAMES = [
    "page", "pagesize", "limit", "after", "order", "recursive", "propagated", "override", "q",
    *sorted(
        parameter.name
        for relationship in WORKSHOP.relationships.values()
        for infos in relationship.infos.values()
        for info in infos.values()
        for parameter in info.parameters
    ),
]  # fmt: skip
VALUES = ["1", "-1", "true", "", "0x1p-2", "1e400", "1h", "2024-02-30", "%00", "9" * 5000]
SETTINGS = RequestSettings(trusted_proxies=(ipaddress.ip_network("0.0.0.0/0"),))

# What a door hands over: bytes that are no UTF-8 arrive as surrogates.
raw_texts = st.one_of(texts, st.text(string.printable + "\udcff\udc80%;=&+"))
segments = mostly([*CATEGORIES, "", "v", "1", "x", "%2f", "%zz"], raw_texts)
paths = st.one_of(
    raw_texts,
    nested("/v/1", "", "/lists"),
    nested("/lists", ""),
    st.lists(segments, max_size=5).map(lambda s: "/" + "/".join(s)),
)
pairs = st.tuples(mostly(NAMES, raw_texts), mostly(VALUES, raw_texts)).map("=".join)
queries = st.one_of(raw_texts, st.lists(pairs, max_size=5).map("&".join))
media = damaged(
    st.sampled_from(["application/json; charset=utf-8", 'a/b; c="d\\"e", */*;q=0.1, text/plain']),
    st.text('/;=," \\*', max_size=4),
)
header_names = [
    "Content-Type", "Accept", "Authorization", "X-Namespace", "X-Forwarded-For", "X-Real-IP",
    "X-External-Tracking-ID", "X-Fields",
]  # fmt: skip
addresses = st.sampled_from(["1.2.3.4", "[::1]:80", "fe80::1%eth0", "[", ":", ",,", "1.2.3.4:5"])
headers = st.lists(
    st.tuples(st.sampled_from(header_names), st.one_of(media, raw_texts, addresses)), max_size=4
).map(CIMultiDict)
methods = mostly(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"], raw_texts)


@given(methods, paths, queries, headers, st.one_of(addresses, raw_texts))
def test_any_request_is_understood_or_refused(
    method: str, path: str, query: str, given_headers: Any, remote: str
) -> None:
    raw = RawRequest(method, path, query, given_headers, remote)
    found = outcome(lambda: parse_request(raw, WORKSHOP, SETTINGS), Error, Errors)
    assert found is None or isinstance(found, Request)
    if found is not None:
        str(found)
        found.duplicate()


@given(st.sampled_from(sorted(CATEGORIES)), queries)
def test_any_query_of_a_listing_is_understood_or_refused(category: str, query: str) -> None:
    raw = RawRequest("GET", f"/{category}", query)
    outcome(lambda: parse_request(raw, WORKSHOP), Error, Errors)


@given(paths)
def test_any_path_has_a_version_or_is_refused(path: str) -> None:
    outcome(lambda: split_version(path), Error)


@given(headers)
def test_any_media_types_are_known_or_refused(given_headers: Any) -> None:
    outcome(lambda: encodings_from_headers(given_headers), Error)


DATES = [
    "2024-02-29T23:59:59.123456789-23:59", "02/29/24 11:59:59 pm", "Feb 29, 2024", "29-feb-2024",
    "Mon Jan  2 15:04:05 MST 2006", "20240229235959", "1709251199000", "2024-02", "Z", "+99:99",
    "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01 00:00:00 +0900",
]  # fmt: skip
DURATIONS = ["1h30m", "-1.5s", "9223372036854775807ns", ".5µs", "0", "1h-"]
NUMBERS = ["0x1p-2", "1_000", "-inf", "nan", "1e309", "0x1p99999999999", "+" + "1" * 5000]
spelled = damaged(
    st.sampled_from(DATES + DURATIONS + NUMBERS),
    st.text("0123456789+-:.,/ TZeExXpP_nsmhµ٣²", max_size=4),
)


@given(st.sampled_from(PARAMETER_TYPES), st.lists(st.one_of(spelled, raw_texts), max_size=2))
def test_any_value_of_a_parameter_is_understood_or_refused(kind: str, given: list[str]) -> None:
    definition = ParameterDefinition("x", kind, allowed_choices=("a",), multiple=True)
    outcome(lambda: definition.parse(given), Error)
