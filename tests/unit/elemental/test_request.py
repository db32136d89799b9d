"""What a request means, or why it means nothing."""

from ipaddress import ip_network
from typing import Any

import pytest
from bahamut.elemental import (
    DecodeError,
    Error,
    Errors,
    Identity,
    Model,
    Operation,
    ParameterDefinition,
    ParametersRequirement,
    RawRequest,
    Registry,
    Request,
    attribute,
)
from bahamut.elemental.request import RequestSettings, parse_request, split_version
from multidict import CIMultiDict


class List(Model, identity=Identity("list", "lists")):
    name: str = attribute(default="")


class Task(Model, identity=Identity("task", "tasks")):
    title: str = attribute(default="")


REGISTRY = (
    Registry([List, Task])
    .allow(List, parameters=[ParameterDefinition("q"), ParameterDefinition("n", "integer")])
    .allow(
        Task,
        "create",
        under=List,
        parameters=[ParameterDefinition("sure", "boolean")],
        required=ParametersRequirement.of([[["sure"]]]),
    )
)


def parse(
    method: str, target: str, settings: RequestSettings | None = None, **headers: str
) -> Request:
    path, _, query = target.partition("?")
    fields = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    raw = RawRequest(method, path, query, fields, "9.9.9.9:80")
    return parse_request(raw, REGISTRY, settings or RequestSettings())


@pytest.mark.parametrize(
    ("method", "target", "operation", "names"),
    [
        ("GET", "/lists", "retrieve-many", ("list", "", "root", "")),
        ("HEAD", "/lists", "info", ("list", "", "root", "")),
        ("POST", "/lists", "create", ("list", "", "root", "")),
        ("GET", "/lists/1", "retrieve", ("list", "1", "root", "")),
        ("PUT", "/lists/a%20b", "update", ("list", "a b", "root", "")),
        ("PATCH", "/lists/1", "patch", ("list", "1", "root", "")),
        ("DELETE", "/lists/1", "delete", ("list", "1", "root", "")),
        ("GET", "/lists/1/tasks", "retrieve-many", ("task", "", "list", "1")),
        ("OPTIONS", "/lists", "", ("list", "", "root", "")),
    ],
)
def test_method_and_path_say_what_is_meant(
    method: str, target: str, operation: str, names: tuple[str, str, str, str]
) -> None:
    found = parse(method, target)
    assert found.operation == Operation(operation)
    assert names == (
        found.identity.name,
        found.object_id,
        found.parent_identity.name,
        found.parent_id,
    )


def test_the_query_is_read() -> None:
    found = parse(
        "GET",
        "/lists?page=2&pagesize=10&order=-name&order=size&recursive=on&q=a+b%3D&n=7&override=0",
    )
    assert (found.page, found.page_size, found.order) == (2, 10, ["-name", "size"])
    assert (found.recursive, found.propagated, found.override_protection) == (True, False, False)
    assert found.parameters["q"].string_value == "a b="
    assert found.parameters["n"].int_value == 7
    found = parse("GET", "/lists?after=x&limit=3&order=name")
    assert (found.after, found.limit) == ("x", 3)
    assert found.parameters["q"].string_values == []


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        ("/things", 404, "Unable to find the requested resource"),
        ("/lists/1/things", 404, "Unable to find the requested resource"),
        ("/things/1/tasks", 404, "Unable to find the requested resource"),
        ("/lists/1/tasks/2", 400, "/lists/1/tasks/2 is not a valid elemental request path"),
        ("/lists/?q=1", 400, "/lists/?q=1 is not a valid elemental request path"),
        ("lists", 400, "lists is not a valid elemental request path"),
        ("/lists?page=x", 400, "Parameter `page` must be an integer"),
        ("/lists?limit=-1", 400, "Parameter `limit` must not be negative"),
        ("/lists?recursive=", 400, "Parameter `recursive` must be a boolean"),
        ("/lists?order=", 400, "Parameter `order` must be set when provided"),
        ("/lists?limit=1&pagesize=1", 400, "You cannot set 'limit' and 'pagesize'"),
        ("/lists?after=x&page=1", 400, "You cannot set 'after' and 'page'"),
        ("/lists?after=x&order=a&order=b", 400, "You can only order on a single field"),
        ("/lists?n=x", 400, "Parameter 'n' must be an integer, got 'x'"),
    ],
)
def test_what_means_nothing_is_refused(target: str, code: int, words: str) -> None:
    with pytest.raises(Error) as caught:
        parse("GET", target)
    assert caught.value.code == code
    assert caught.value.description.startswith(words)


def test_unknown_parameters_are_all_named() -> None:
    with pytest.raises(Errors) as caught:
        parse("GET", "/lists?y=1&x=2&q=3")
    assert [e.description for e in caught.value] == [
        "Unknown parameter: `x`",
        "Unknown parameter: `y`",
    ]


def test_required_parameters_must_be_sent() -> None:
    assert parse("POST", "/lists/1/tasks?sure=yes").parameters["sure"].bool_value
    with pytest.raises(Error, match="Missing Required parameters: `sure`"):
        parse("POST", "/lists/1/tasks")


@pytest.mark.parametrize(
    ("headers", "encodings"),
    [
        ({}, ("application/json", "application/json")),
        ({"Accept": "*/*"}, ("application/json", "application/json")),
        (
            {"Content_Type": "application/msgpack", "Accept": "text/html, application/msgpack;q=0"},
            ("application/msgpack", "application/msgpack"),
        ),
        (
            {"Content_Type": "Application/JSON; charset=utf-8", "Accept": "x, application/*"},
            ("application/json", "application/json"),
        ),
    ],
)
def test_headers_say_the_encodings(headers: Any, encodings: tuple[str, str]) -> None:
    found = parse("GET", "/lists", **headers)
    assert (found.content_type, found.accept) == encodings


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Accept": "text/html"}, 415),
        ({"Accept": ";"}, 400),
        ({"Content_Type": "text/html"}, 415),
        ({"Content_Type": "application/"}, 400),
        ({"Content_Type": "application/json; x"}, 400),
        ({"Content_Type": "application/json; x=1; x=2"}, 400),
    ],
)
def test_media_types_that_nobody_knows_are_refused(headers: Any, code: int) -> None:
    with pytest.raises(Error) as caught:
        parse("GET", "/lists", **headers)
    assert caught.value.code == code


def test_headers_say_who_asks_and_where() -> None:
    found = parse("GET", "/lists", Authorization="Bearer abc", X_Namespace="/a")
    assert (found.username, found.password, found.namespace) == ("Bearer", "abc", "/a")
    found = parse("GET", "/lists", RequestSettings(namespacer=None), X_Namespace="/a")
    assert (found.username, found.namespace) == ("", "")


@pytest.mark.parametrize(
    ("proxies", "headers", "address"),
    [
        ((), {"X_Forwarded_For": "1.1.1.1"}, "9.9.9.9"),
        (("8.0.0.0/8",), {"X_Forwarded_For": "1.1.1.1"}, "9.9.9.9"),
        (("9.0.0.0/8",), {}, "9.9.9.9"),
        (("9.0.0.0/8",), {"X_Forwarded_For": "6.6.6.6, 1.1.1.1:8, 9.1.1.1"}, "1.1.1.1"),
        (("9.0.0.0/8",), {"X_Forwarded_For": "9.1.1.1,9.2.2.2"}, "9.1.1.1"),
        (("9.0.0.0/8",), {"X_Forwarded_For": "[::1]:80"}, "::1"),
        (("9.0.0.0/8",), {"X_Real_IP": "1.1.1.1"}, "1.1.1.1"),
    ],
)
def test_only_trusted_proxies_say_where_a_client_is(
    proxies: tuple[str, ...], headers: Any, address: str
) -> None:
    settings = RequestSettings(trusted_proxies=tuple(map(ip_network, proxies)))
    assert parse("GET", "/lists", settings, **headers).client_ip == address


@pytest.mark.parametrize(
    ("path", "version", "rest"),
    [
        ("/lists", 0, "/lists"),
        ("/v/1/lists", 1, "/lists"),
        ("/v/1/v/2/lists", 1, "/lists"),
        ("/vector/1", 0, "/vector/1"),
    ],
)
def test_a_path_may_begin_with_a_version(path: str, version: int, rest: str) -> None:
    assert split_version(path) == (version, rest)


@pytest.mark.parametrize("path", ["/v", "/v/", "/v/x/lists", "/v/1.0/lists", "/v/1/v/x/lists"])
def test_a_version_is_a_number(path: str) -> None:
    with pytest.raises(Error, match="Invalid api version number"):
        split_version(path)


def test_the_body_is_decoded_into_an_object() -> None:
    request, made = Request(data=b'{"name":"a"}'), List()
    request.decode(made)
    assert made == List(name="a")
    request.data = b"[]"
    with pytest.raises(DecodeError):
        request.decode(made)


def test_copies_have_an_identifier_of_their_own_and_share_no_collections() -> None:
    request = parse("GET", "/lists?order=name&q=x")
    copy = request.duplicate()
    assert copy.request_id != request.request_id == request.request_id
    copy.order.append("x")
    copy.parameters.clear()
    copy.metadata["a"] = 1
    assert (request.order, request.metadata) == (["name"], {})
    assert request.parameters["q"].string_value == "x"
