"""What options decide, and what they refuse with a sentence that helps."""

from functools import reduce
from ipaddress import ip_network
from typing import Any

import bahamut
import pytest
from bahamut import Config, Option
from bahamut.auth.simple import Authorizer
from bahamut.elemental import Identity, Registry

MODEL = bahamut.opt_model({0: Registry([])})


def made(*options: Option) -> Config:
    return reduce(lambda config, option: option(config), options, Config())


@pytest.mark.parametrize(
    ("option", "argument", "words"),
    [
        (bahamut.opt_enable_api_path_prefix, "/a/../b", "'/a/../b' must be an absolute path"),
        (bahamut.opt_enable_api_path_prefix, "http://a", "'http://a' must be an absolute path"),
        (bahamut.opt_enable_custom_route_path_prefix, "/a?b", "'/a?b' must be an absolute path"),
        (bahamut.opt_trusted_proxies, "nonsense", "'nonsense' does not appear to be an IPv4"),
        (bahamut.opt_trusted_proxies, "10.0.0.1/8", "10.0.0.1/8 has host bits set"),
        (bahamut.opt_health_custom_stats, {"": print}, "key must not be empty"),
        (bahamut.opt_health_custom_stats, {"_a": print}, "'_a' must not start with an '_'"),
        (bahamut.opt_health_custom_stats, {"a/b": print}, "key 'a/b' must not contain"),
        (bahamut.opt_health_custom_stats, {"a": None}, "function for key 'a' must not be nil"),
    ],
)
def test_arguments_that_cannot_work_are_refused(option: Any, argument: Any, words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        option(argument)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([bahamut.opt_model({1: Registry([])})], "opt_model({0: …})"),
        *(
            (
                [
                    MODEL,
                    bahamut.opt_enable_api_path_prefix(api),
                    bahamut.opt_enable_custom_route_path_prefix(custom),
                ],
                f"the API prefix {api} and the custom route prefix {custom} overlap",
            )
            for api, custom in (("/api", "/api/custom"), ("/api/v1", "/api"), ("/api", "/api"))
        ),
        *(
            ([MODEL, option], "must be a ")
            for option in (
                bahamut.opt_timeouts(read=-1),
                bahamut.opt_health_server_timeouts(idle=-1),
                bahamut.opt_max_body_size(-1),
                bahamut.opt_max_connection(-1),
                bahamut.opt_shutdown_timeout(-0.5),
                bahamut.opt_rate_limiting(-1, 1),
                bahamut.opt_api_rate_limiting(Identity("a", "as"), 1, -1),
            )
        ),
    ],
)
def test_what_contradicts_itself_makes_no_server(options: list[Option], words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        bahamut.new(*options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "prefixes", [("", ""), ("/api", ""), ("/api", "/custom"), ("/api", "/apis"), ("", "/custom")]
)
def test_prefixes_that_do_not_overlap_are_fine(prefixes: tuple[str, str]) -> None:
    api, custom = prefixes
    config = made(
        bahamut.opt_enable_api_path_prefix(api),
        bahamut.opt_enable_custom_route_path_prefix(custom),
    )
    assert config.problems() == []
    assert (config.rest.api_prefix, config.rest.custom_route_prefix) == prefixes


@pytest.mark.parametrize("prefix", ["api/v1", "/api/v1/", "//api//v1//"])
def test_prefixes_have_one_slash_in_front_and_none_behind(prefix: str) -> None:
    assert made(bahamut.opt_enable_api_path_prefix(prefix)).rest.api_prefix == "/api/v1"


REST = bahamut.opt_rest_server(":0")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], ["No server configured"]),
        ([bahamut.opt_health_server(":0")], []),
        ([REST], ["No model is defined", "The API is open"]),
        ([REST, MODEL], ["The API is open"]),
        ([REST, MODEL, bahamut.opt_authorizers([Authorizer()])], []),
    ],
)
def test_what_is_probably_not_meant_is_said(options: list[Option], words: list[str]) -> None:
    found = made(*options).warnings()
    assert [w for sentence, w in zip(found, words, strict=True) if sentence.startswith(w)] == words


def test_options_change_what_they_say_and_nothing_else() -> None:
    base = Config()
    made(bahamut.opt_max_body_size(5), bahamut.opt_read_only([Identity("a", "as")]))
    assert base == Config()
    config = made(
        bahamut.opt_max_body_size(5),
        bahamut.opt_max_connection(7),
        bahamut.opt_timeouts(read=1, header=2),
        bahamut.opt_trusted_proxies("10.0.0.0/8", "::1"),
        bahamut.opt_rate_limiting(5, 10),
        bahamut.opt_api_rate_limiting(Identity("a", "as"), 1, 2),
        bahamut.opt_api_rate_limiting(Identity("b", "bs"), 3, 4),
    )
    assert (config.rest.max_body_size, config.rest.max_connections) == (5, 7)
    assert (config.rest.timeouts.read, config.rest.timeouts.header) == (1, 2)
    assert config.rest.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert config.limits.globally is not None
    assert {i.name: r.burst for i, r in config.limits.by_identity.items()} == {"a": 2, "b": 4}
    assert config.rest.max_header_size == base.rest.max_header_size
