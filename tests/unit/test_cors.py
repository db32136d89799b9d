"""What browsers of other origins are told."""

import pytest
from bahamut import CORS_ORIGIN_MIRROR, CORSPolicy, new_default_cors_controller
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
