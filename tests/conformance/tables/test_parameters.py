"""parameters/: typed parameters, required combinations and whole requests."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import pytest
from bahamut._kit.gotime import to_seconds
from bahamut.elemental import Error, Errors
from bahamut.elemental.negotiation import encodings_from_headers
from bahamut.elemental.parameters import (
    Parameter,
    ParameterDefinition,
    Parameters,
    ParametersRequirement,
)
from bahamut.elemental.raw_request import RawRequest
from bahamut.elemental.request import (
    DEFAULT_SETTINGS,
    Request,
    RequestSettings,
    parse_request,
    split_version,
)
from multidict import CIMultiDict
from tests.conformance.tables.support import Tally, registry, rows, typed, wire_errors

GETTERS = ("string", "int", "float", "bool", "time", "duration")


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return ("time", to_seconds(value))
    if isinstance(value, float) and value != value:
        return "NaN"
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def getters(parameter: Parameter) -> dict[str, Any]:
    found = {}
    for name in GETTERS:
        value = getattr(parameter, f"{name}_value")
        if value:
            found[name] = plain(value)
        values = getattr(parameter, f"{name}_values")
        if values:
            found[f"{name}s"] = plain(values)
    return found


def recorded_value(value: dict[str, Any]) -> Any:
    if "duration" in value:
        return value["duration"]
    if "list" in value:
        return [recorded_value(item) for item in value["list"]]
    return plain(typed(value))


def other_truth(row: dict[str, Any], ours: Any) -> str | None:
    """X7: on and off are words of truth."""
    is_word = {str(v).lower() for v in row.get("values") or ()} & {"on", "off"}
    return "X7" if row["definition"]["type"] == "boolean" and is_word else None


def spans_are_numbers(row: dict[str, Any], ours: Any) -> str | None:
    """Section 3 of the decisions: a span of time is a number, so each may stand for the other."""
    key = {"integer": "duration", "duration": "int"}.get(row["type"])
    is_so = key is not None and all(key in value for value in row["given"])
    return "section 3" if is_so and ours != "panic" else None


def test_parse():
    tally = Tally("parameters/parse.jsonl")
    for row in rows("parameters/parse.jsonl"):
        given = row["definition"]
        definition = ParameterDefinition(
            given["name"],
            given["type"],
            tuple(given.get("choices", ())),
            given.get("default", ""),
            given.get("multiple", False),
        )
        values = row["values"] and [typed({"string": value}) for value in row["values"]]
        try:
            ours: Any = ("parsed", getters(definition.parse(values)))
        except Error as error:
            ours = ("refused", wire_errors(error))
        except ValueError as error:
            ours = ("panic", str(error))
        if row["error"]:
            theirs: Any = ("refused", [row["error"]])
        elif row.get("panic"):
            theirs = ("panic", row["panic"])
        else:
            found = {k: recorded_value(v) for k, v in row["getters"].items()}
            theirs = ("parsed", {k: v for k, v in found.items() if v})
        tally.add(row, ours, theirs, other_truth)
    tally.close()


def test_getters():
    tally = Tally("parameters/getters.jsonl")
    for row in rows("parameters/getters.jsonl"):
        values = [recorded_typed(value) for value in row["given"]]
        try:
            ours: Any = getters(Parameter(row["type"], values))
        except TypeError:  # a parameter made by hand of values of another type
            ours = "panic"
        if row.get("panic"):
            theirs: Any = "panic"
        else:
            found = {k: recorded_value(v) for k, v in row["getters"].items()}
            theirs = {k: v for k, v in found.items() if v}
        tally.add(row, ours, theirs, spans_are_numbers)
    tally.close()


def recorded_typed(value: dict[str, Any]) -> Any:
    return value["duration"] if "duration" in value else typed(value)


def test_requirement():
    tally = Tally("parameters/requirement.jsonl")
    for row in rows("parameters/requirement.jsonl"):
        requirement = ParametersRequirement.of(row["requirement"] or ())
        sent = {name: Parameter("string", ["x"]) for name in row["sent"]}
        declared = {name: Parameter("string", [], "x") for name in row.get("declared", ())}
        try:
            Parameters({**declared, **sent}).validate(requirement)
            error = None
        except Error as raised:
            error = raised.to_json()
        theirs = row["error"]
        tally.add(row, (str(requirement), error), (row["text"], theirs))
    tally.close()


def fields(request: Request) -> dict[str, Any]:
    return {
        "accept": request.accept,
        "after": request.after,
        "clientIP": request.client_ip,
        "contentType": request.content_type,
        "identity": request.identity.name,
        "limit": request.limit,
        "namespace": request.namespace,
        "objectID": request.object_id,
        "operation": str(request.operation),
        "order": list(request.order) or None,
        "override": request.override_protection,
        "page": request.page,
        "pageSize": request.page_size,
        "parameters": {name: getters(p) for name, p in request.parameters.items()},
        "parentID": request.parent_id,
        "parentIdentity": request.parent_identity.name,
        "password": request.password,
        "propagated": request.propagated,
        "recursive": request.recursive,
        "trackingID": request.external_tracking_id,
        "trackingType": request.external_tracking_type,
        "username": request.username,
        "version": request.version,
    }


def recorded_fields(request: dict[str, Any]) -> dict[str, Any]:
    found = {key: request[key] for key in request if key in fields(Request())}
    found["identity"] = request["identity"]["name"]
    found["parentIdentity"] = request["parentIdentity"]["name"]
    found["parameters"] = {
        name: {k: recorded_value(v) for k, v in p["getters"].items() if recorded_value(v)}
        for name, p in request["parameters"].items()
    }
    # X10: without trusted proxies the client is the peer, and its port is of no interest.
    found["clientIP"] = "192.0.2.7"
    return found


def parsed(row: dict[str, Any], settings: RequestSettings = DEFAULT_SETTINGS) -> Any:
    path, _, query = row["url"].partition("?")
    headers = CIMultiDict((name, value.strip()) for name, value in row["headers"])
    raw = RawRequest(row["method"], path, query, headers, "192.0.2.7:4242")
    try:
        version, rest = split_version(path)
        request = parse_request(raw, registry("workshop"), settings, version=version, path=rest)
    except (Error, Errors) as error:
        return wire_errors(error)
    return fields(request)


def odd_path(row: dict[str, Any], ours: Any) -> str | None:
    """X1, X2, D6-D8: unknown categories and odd paths are refused."""
    if not isinstance(ours, list):
        return None
    described = ours[0]["description"]
    if ours[0]["code"] == 404:
        return "X1" if has_unknown_category(row["url"]) else None
    if "elemental request path" in described or "api version" in described:
        return "X2"
    return None


def has_unknown_category(url: str) -> bool:
    """Tell whether the first segment of a path, or the third, is no category."""
    segments = unquote(split_version(url.partition("?")[0])[1]).split("/")[1:]
    found = (registry("workshop").identity_from_category(name) for name in segments[::2])
    return any(identity.is_empty for identity in found)


def malformed_pair(row: dict[str, Any], ours: Any) -> str | None:
    """X58: malformed pairs of a query are refused, not dropped."""
    is_refused = isinstance(ours, list) and ours[0]["description"].startswith("Malformed parameter")
    return "X58" if is_refused and ("%zz" in row["url"] or ";" in row["url"]) else None


def odd_value(row: dict[str, Any], ours: Any) -> str | None:
    """X7, D9-D11: flags are words of truth, numbers are natural."""
    words = ("must be a boolean", "must not be negative", "must be an integer")
    if isinstance(ours, list) and any(word in ours[0]["description"] for word in words):
        return "X7"
    if not isinstance(ours, dict) or not row.get("request"):
        return None
    return "X7" if without_flags(ours) == without_flags(recorded_fields(row["request"])) else None


def without_flags(found: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a request without flags and boolean parameters."""
    flags = ("recursive", "propagated", "override", "parameters")
    others = {
        name: {kind: value for kind, value in parameter.items() if kind not in ("bool", "bools")}
        for name, parameter in found["parameters"].items()
    }
    return {**{k: v for k, v in found.items() if k not in flags}, "others": others}


def other_negotiation(row: dict[str, Any], ours: Any) -> str | None:
    """X9, X34: unreadable items of Accept are skipped; texts of media types are ours."""
    described = row["error"]["description"] if isinstance(row["error"], dict) else ""
    first = described.partition(": ")[0]
    if first not in ("Invalid Accept header", "Invalid Content-Type header"):
        return None
    if isinstance(ours, list):
        return "X34" if ours[0]["description"].startswith(f"{first}: ") else None
    return "X9" if first == "Invalid Accept header" else None


def before_us(row: dict[str, Any], ours: Any) -> str | None:
    """What the HTTP layer refused, or changed by hand, never comes to ours (X38)."""
    twisted = row.get("http_error") or row.get("twist") or row["method"] != row["method"].upper()
    return "X38" if twisted else None


def test_request():
    tally = Tally("parameters/request.jsonl")
    for row in rows("parameters/request.jsonl"):
        if row.get("request"):
            theirs: Any = recorded_fields(row["request"])
        else:
            error = row["error"]
            theirs = error if isinstance(error, list) else [error]
        rules = before_us, odd_path, malformed_pair, odd_value, other_negotiation
        tally.add(row, parsed(row), theirs, *rules)
    tally.close()


class Refusing:
    """A namespacer that refuses every request."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def extract(self, request: Any) -> str:
        raise self.error

    def inject(self, headers: Any, namespace: str) -> None:
        raise self.error


REGISTERED = re.compile(r"content types (.*) and accepted types (.*) registered")
"""The setting that names media types which somebody else reads and writes."""


def settings_of(row: dict[str, Any]) -> RequestSettings:
    """Return the settings (D32: of a server, not of the process) that a row describes in words."""
    setting = row["setting"]
    if found := REGISTERED.fullmatch(setting):
        contents, accepts = (frozenset(types.split(", ")) for types in found.groups())
        return RequestSettings(external_content_types=contents, external_accept_types=accepts)
    if "propagation" in setting:
        return RequestSettings(keeps_propagated=True)
    if setting == "namespacer none":
        return RequestSettings(namespacer=None)
    if "plain error" in setting:
        return RequestSettings(namespacer=Refusing(RuntimeError(setting.split("'")[1])))
    assert "elemental error" in setting, setting
    error = Error("Bad Namespace", "not this one", "test", 418)
    return RequestSettings(namespacer=Refusing(error))


def test_request_settings():
    tally = Tally("parameters/request_settings.jsonl")
    for row in rows("parameters/request_settings.jsonl"):
        error = row["error"]
        if row.get("request"):
            theirs: Any = recorded_fields(row["request"])
        elif isinstance(error, list):
            theirs = error
        else:
            theirs = error.get("plain") or [error]
        try:
            ours = parsed(row, settings_of(row))
        except RuntimeError as raised:
            ours = str(raised)
        tally.add(row, ours, theirs, odd_value, other_negotiation)
    tally.close()


def skipped_items(row: dict[str, Any], ours: Any) -> str | None:
    """X9: unreadable items are skipped if another is known. X34: other words."""
    if isinstance(ours, tuple):
        is_skipped = row["error"] and "Invalid Accept header" in row["error"]["description"]
        return "X9" if is_skipped else None
    if (
        row["error"]
        and ours[0]["description"].split(": ")[0] == row["error"]["description"].split(": ")[0]
    ):
        return "X34"
    return None


def any_case(row: dict[str, Any], ours: Any) -> str | None:
    """X38: the case of a header's name says nothing; by hand the original asks for one only."""
    names = row["headers"] or ()
    return "X38" if any(name != name.title() for name in names) else None


@pytest.mark.parametrize("name", ["negotiation", "negotiation_external"])
def test_negotiation(name):
    tally = Tally(f"encoding/{name}.jsonl")
    external = name.endswith("external")
    for row in rows(f"encoding/{name}.jsonl"):
        given = row["headers"]
        headers = (
            None if given is None else CIMultiDict((k, v) for k, vs in given.items() for v in vs)
        )
        contents = ("multipart/form-data", "text/csv") if external else ()
        accepts = ("text/html", "image/png") if external else ()
        try:
            ours: Any = encodings_from_headers(headers, contents, accepts)
        except Error as error:
            ours = wire_errors(error)
        theirs: Any = [row["error"]] if row["error"] else (row["read"], row["write"])
        tally.add(row, ours, theirs, skipped_items, any_case)
    tally.close()
