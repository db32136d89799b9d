"""Query strings, version prefixes, dates and addresses: what clients may send of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from bahamut.elemental import Error, Errors, Identity, Model, Registry, attribute
from bahamut.elemental.dates import parse_date
from bahamut.elemental.negotiation import encodings_from_headers
from bahamut.elemental.parameters import ParameterDefinition, parse_float
from bahamut.elemental.query import masked, parse_query
from bahamut.elemental.raw_request import RawRequest, client_ip
from bahamut.elemental.request import parse_request, split_version
from multidict import CIMultiDict

SECRETS = frozenset(("token", "key"))
LONG = 60 * 1024


class Box(Model, identity=Identity("box", "boxes")):
    id: str = attribute(default="", wire="ID", identifier=True)


REGISTRY = Registry([Box]).allow(Box, parameters=[ParameterDefinition("token", "integer")])


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/lists", (0, "/lists")),
        ("/v/1/lists", (1, "/lists")),
        ("/v/1/v/2/lists", (1, "/lists")),
        ("/v/1/v", (1, "/v")),
        ("/v/1", (1, "")),
        ("/vault", (0, "/vault")),
        ("/v/3/" + "x" * LONG, (3, "/" + "x" * LONG)),
    ],
)
def test_e4_versions_are_split_from_the_path(path, found):
    assert split_version(path) == found


@pytest.mark.parametrize(
    "path", ["/v", "/v/", "/v/x/lists", "/v/1/v/x/lists", "/v/1" * (LONG // 4), "/v" * LONG]
)
def test_e4_too_many_or_malformed_versions_are_refused_without_recursion(path):
    with pytest.raises(Error) as caught:
        split_version(path)
    assert caught.value.code == 400


@pytest.mark.parametrize("text", ["1" * LONG + "x", "0x" + "1" * LONG + "x", "1." + "_" * LONG])
def test_e4_a_long_text_that_is_no_number_is_refused_in_linear_time(text):
    with pytest.raises(ValueError, match="float"):
        parse_float(text)


@pytest.mark.parametrize("text", ["1.", "1.5", ".5", "1_0.2_5", "0x1.8p1", "0x.8p0", "0x1p4"])
def test_e4_the_spellings_of_floats_are_what_they_were(text):
    assert parse_float(text) > 0


def test_e4_a_media_type_with_thousands_of_parameters_is_read_in_linear_time():
    many = "".join(f";p{i}=1" for i in range(7000))
    assert encodings_from_headers({"Accept": f"application/json{many}"})[1] == "application/json"


@pytest.mark.parametrize("pair", ["q=%zz", "%zz=1", "x=%", "x=%f", "limit=1;page=2", ";", "a;b"])
@pytest.mark.parametrize("around", ["{}", "a=1&{}", "{}&a=1"])
def test_x58_a_malformed_pair_is_named(pair, around):
    with pytest.raises(Error) as caught:
        parse_query(around.format(pair))
    assert caught.value.code == 400
    assert f"`{pair}`" in caught.value.description


def test_x58_only_the_beginning_of_a_long_pair_is_quoted():
    with pytest.raises(Error) as caught:
        parse_query("%zz" + "x" * LONG)
    assert len(caught.value.description) < 200


@pytest.mark.parametrize("pair", ["token=%zzsecret", "t%6fken=secret;", "a;token=secret"])
def test_x69_the_error_about_a_pair_hides_the_value_of_a_secret(pair):
    with pytest.raises(Error) as caught:
        parse_query(pair, SECRETS)
    assert "secret" not in caught.value.description
    assert "***" in caught.value.description


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("token=abc", "token=***"),
        ("a=1&token=abc&b=2", "a=1&token=***&b=2"),
        ("t%6fken=abc", "t%6fken=***"),
        ("%74%6F%6B%65%6E=%61%62%63", "%74%6F%6B%65%6E=***"),
        ("TOKEN=abc&Key=x=y", "TOKEN=***&Key=***"),
        ("+token=abc", "+token=***"),
        ("token=", "token=***"),
        ("token", "token"),
        ("tokens=1&mytoken=2", "tokens=1&mytoken=2"),
        ("a=1;token=abc;b=2", "a=1;token=***;b=2"),
    ],
)
def test_x69_secrets_are_masked_however_they_are_escaped(query, shown):
    assert masked(query, SECRETS) == shown


def test_x69_the_error_about_a_parameter_hides_the_value_of_a_secret():
    with pytest.raises(Error) as caught:
        parse_request(RawRequest("GET", "/boxes", "token=hush"), REGISTRY)
    assert caught.value.description == "Parameter 'token' must be an integer, got '***'"


def test_x69_the_error_about_a_path_hides_the_value_of_a_secret():
    with pytest.raises(Error) as caught:
        parse_request(RawRequest("GET", "/boxes/1%2F2/3/4", "a=1&token=hush"), REGISTRY)
    assert caught.value.description.startswith("/boxes/1%2F2/3/4?a=1&token=*** is not")


@pytest.mark.parametrize("count", [1, 9, 10, 11, 12_000])
def test_x70_at_most_ten_unknown_parameters_are_named(count):
    query = "&".join(f"x{i:05}" for i in range(count))
    with pytest.raises(Errors) as caught:
        parse_request(RawRequest("GET", "/boxes", query), REGISTRY)
    texts = [error.description for error in caught.value]
    assert len(texts) == min(count, 10)
    assert texts[0] == "Unknown parameter: `x00000`"
    assert ("more" in texts[-1]) == (count > 10)
    if count > 10:
        assert texts[-1] == f"Unknown parameter: `x00009`, and {count - 10} more"


@pytest.mark.parametrize(
    ("text", "hours", "minutes"),
    [
        ("2020-01-02T03:04:05 02:00", 2, 0),
        ("2020-01-15T03:04:05 05:30", 5, 30),
        ("2020-01-02T03:04:05.5 01:00", 1, 0),
    ],
)
def test_e10_a_plus_that_became_a_blank_is_a_plus(text, hours, minutes):
    right = datetime.fromisoformat(text.replace(" ", "+"))
    assert parse_date(text) == right
    assert right.utcoffset() == timedelta(hours=hours, minutes=minutes)


def test_e10_a_date_and_a_clock_with_a_blank_between_them_are_what_they_were():
    assert parse_date("2020-01-02 03:04:05") == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)


TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fe80::/10"))


@pytest.mark.parametrize(
    ("forwarded", "found"),
    [
        ("<script>", "10.0.0.1"),
        ("unknown, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, <script>", "192.0.2.1"),
        ("192.0.2.1, unknown, 10.0.0.2", "192.0.2.1"),
        ("10.0.0.3, nonsense, 10.0.0.2", "10.0.0.3"),
        ("fe80::1%<script>", "10.0.0.1"),
        ("[2001:db8::1]:80", "2001:db8::1"),
        ("192.0.2.1:99", "192.0.2.1"),
        ("1.2.3, 192.0.2.999, 192.0.2.1\x1b[0m", "10.0.0.1"),
        ("192.0.2.1," * 6000, "192.0.2.1"),
    ],
)
def test_e21_what_is_no_address_is_skipped(forwarded, found):
    headers = CIMultiDict({"X-Forwarded-For": forwarded})
    assert client_ip(RawRequest("GET", "/", "", headers, "10.0.0.1:5"), TRUSTED) == found


@pytest.mark.parametrize(("real", "found"), [("192.0.2.9", "192.0.2.9"), ("<b>", "10.0.0.1")])
def test_e21_the_real_ip_must_be_an_address_too(real, found):
    headers = CIMultiDict({"X-Real-IP": real, "X-Forwarded-For": "nobody"})
    assert client_ip(RawRequest("GET", "/", "", headers, "10.0.0.1"), TRUSTED) == found


def test_e21_a_peer_with_a_zone_is_trusted_by_its_address():
    headers = CIMultiDict({"X-Forwarded-For": "192.0.2.9"})
    assert client_ip(RawRequest("GET", "/", "", headers, "fe80::1%eth0"), TRUSTED) == "192.0.2.9"
