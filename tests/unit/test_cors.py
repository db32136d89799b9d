"""What browsers of other origins are told."""

import pytest
from bahamut import (
    CORS_ORIGIN_MIRROR,
    CORSPolicy,
    new,
    new_default_cors_controller,
    opt_cors_origin,
)
from bahamut.elemental import RawRequest

ALLOW, CREDENTIALS = "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"


@pytest.mark.parametrize(
    ("allowed", "others", "origin", "told", "credentials", "varies"),
    [
        ("*", [], "http://a", "*", None, False),
        ("*", ["http://b"], "http://b", "*", None, True),
        (CORS_ORIGIN_MIRROR, [], "http://a", "http://a", "true", True),
        (CORS_ORIGIN_MIRROR, [], "", None, None, True),
        ("http://a", [], "http://b", "http://a", "true", False),
        ("http://a", ["http://b"], "http://b", "http://b", "true", True),
        ("http://a", ["http://b"], "http://c", "http://a", "true", True),
        ("", ["http://b"], "http://c", None, None, True),
    ],
)
def test_which_origin_may_read(
    allowed: str,
    others: list[str],
    origin: str,
    told: str | None,
    credentials: str | None,
    varies: bool,
) -> None:
    policy = new_default_cors_controller(allowed, others).policy_for_request(RawRequest("GET", "/"))
    assert policy is not None
    found = dict(policy.headers(origin))
    assert (found.get(ALLOW), found.get(CREDENTIALS)) == (told, credentials)
    assert (found.get("Vary") == "Origin") is varies
    if origin:
        assert policy.allows(origin) is (told in ("*", origin))


def test_only_preflights_are_told_what_may_be_sent() -> None:
    policy = CORSPolicy(allow_origin="*", allow_methods=("GET", "PUT"), max_age=5)
    preflight = dict(policy.headers("http://a", preflight=True))
    assert preflight["Access-Control-Allow-Methods"] == "GET, PUT"
    assert preflight["Access-Control-Max-Age"] == "5"
    assert "Authorization" in preflight["Access-Control-Allow-Headers"]
    assert set(dict(policy.headers("http://a"))) == {"Access-Control-Expose-Headers", ALLOW}


def test_credentials_can_be_kept_out() -> None:
    policy = CORSPolicy(allow_origin="http://a", allow_credentials=False)
    assert CREDENTIALS not in dict(policy.headers("http://a"))


@pytest.mark.parametrize(
    ("wildcard", "origin", "matches"),
    [
        ("https://*.foo.bar", "https://x.foo.bar", True),
        ("https://*.foo.bar", "HTTPS://X.Foo.bar", True),
        ("HTTPS://*.FOO.bar", "https://x.foo.bar", True),
        ("https://*.foo.bar", "https://x.foo.bar:443", True),
        ("https://*.foo.bar:443", "https://x.foo.bar", True),
        ("https://*.foo.bar:8443", "https://x.foo.bar:8443", True),
        ("http://*.foo.bar", "http://x.foo.bar", True),
        ("http://*.foo.bar:80", "http://x.foo.bar", True),
        ("*.foo.bar", "https://x.foo.bar", True),
        ("https://*.foo.co.uk", "https://x.foo.co.uk", True),
        ("*.foo.bar", "http://x.foo.bar", False),
        ("*.foo.bar", "x.foo.bar", False),
        ("https://*.foo.bar", "http://x.foo.bar", False),
        ("https://*.foo.bar", "https://foo.bar", False),
        ("https://*.foo.bar", "https://.foo.bar", False),
        ("https://*.foo.bar", "https://a.b.foo.bar", False),
        ("https://*.foo.bar", "https://xfoo.bar", False),
        ("https://*.foo.bar", "https://x.foo.bar:8443", False),
        ("https://*.foo.bar", "https://x.foo.bar.evil", False),
        ("https://*.foo.bar", "https://evil/x.foo.bar", False),
        ("https://*.foo.bar", "https://evil#x.foo.bar", False),
        ("https://*.foo.bar", "https://evil@x.foo.bar", False),
        ("https://*.foo.bar", "https://*.foo.bar", True),  # one label, however odd
        ("https://*.foo.bar", "null", False),
        ("https://*.foo.bar", "", False),
    ],
)
@pytest.mark.parametrize("where", ["allowed", "additional"])
def test_x64_a_wildcard_stands_for_one_label(
    wildcard: str, origin: str, matches: bool, where: str
) -> None:
    if where == "allowed":
        policy = CORSPolicy(allow_origin=wildcard)
    else:
        policy = CORSPolicy(additional_origins=frozenset([wildcard]))
    assert policy.names(origin) is matches
    found = dict(policy.headers(origin))
    assert found.get(ALLOW) == (origin if matches else None)
    assert found["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://*.com",
        "*.com",
        "https://*",
        "http://*:8080",
        "https://*.",
        "https://*.com.",
        "https://*..com",
        "https://*.*.com",
        "https://a*.foo.bar",
        "https://*a.foo.bar",
        "https://foo.*.bar",
        "https://foo.bar/*",
        "ftp://*.foo.bar",
        "https://*.foo.bar/",
        "**",
    ],
)
def test_x64_a_star_elsewhere_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="is not an origin with a wildcard"):
        new(opt_cors_origin(origin))
    with pytest.raises(ValueError, match="is not an origin with a wildcard"):
        new_default_cors_controller("https://a", [origin])


@pytest.mark.parametrize("origin", ["*", CORS_ORIGIN_MIRROR])
def test_x64_a_policy_for_any_origin_names_no_origin(origin: str) -> None:
    policy = CORSPolicy(allow_origin=origin, additional_origins=frozenset(["https://a"]))
    assert policy.names("https://a")
    assert not any(policy.names(other) for other in ("https://b", "null", "", "*", origin))
