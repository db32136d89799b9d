"""1.3: scripts, the words with which a request tells a processor how to behave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from typing import Any

import bahamut
from bahamut import elemental
from bahamut.elemental import Error, Errors, Event, EventType

Word = Callable[[bahamut.Context, elemental.Registry], None]


def script_of(ctx: bahamut.Context) -> list[str]:
    """Return the words of a request: a header, else the identifier of a report, else a name."""
    request = ctx.request
    script = request.headers.get("X-Script")
    if script is None and request.identity.name == "report":
        _, _, script = request.object_id.partition("do-")
    if script is None:
        script = getattr(ctx.input_data, "name", None)
    return (script or "").split("+")


def new(registry: elemental.Registry, identity: str, **values: Any) -> Any:
    """Return an object of the workshop with these attributes."""
    made = registry.model(identity)()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def now() -> datetime:
    return datetime.now(UTC)


def fails(make: Callable[[], BaseException]) -> Word:
    """Return a word that raises what *make* makes."""

    def word(ctx: bahamut.Context, registry: elemental.Registry) -> None:
        raise make()

    return word


def odd(description: str, code: int) -> Word:
    return fails(lambda: Error("Odd", description, "workshop", code))


def gone() -> BaseException:
    return RuntimeError(f"wrapped: {bahamut.NotFoundError()}")


NESTED = Error(
    "Nested",
    '<a & b> é \u2028 "quoted" \\ \t',
    "workshop",
    400,
    {
        "list": [1, 2.5, "x", None, True],
        "map": {"a": "<&>", "z": 1},
        "null": None,
        "text": "😀",
    },
)
TWIN = (
    Error("First", "the first of two", "workshop", 409),
    Error("Second", "the second of two", "workshop", 422, {"attribute": "name"}),
)


def bad_claim(ctx: bahamut.Context, registry: elemental.Registry) -> None:
    ctx.claims = ["color"]


def claims(ctx: bahamut.Context, registry: elemental.Registry) -> None:
    ctx.claims = ["color=blue", "size=big", "color=red"]
    ctx.add_message("claims " + ",".join(ctx.claims))
    ctx.add_message("color " + ctx.claims_map["color"])


async def by_hand(stream: bahamut.ResponseStream) -> int:
    stream.headers["X-Hand"] = "yes"
    stream.status = 203
    await stream.write(b"written by hand\n")
    return 203


async def nothing(stream: bahamut.ResponseStream) -> int:
    return 200


def two_writers(ctx: bahamut.Context, registry: elemental.Registry) -> None:
    ctx.response_writer = nothing
    ctx.output_data = new(registry, "list")


def both(ctx: bahamut.Context, registry: elemental.Registry) -> None:
    ctx.response_writer = nothing


def writer(ctx: bahamut.Context, registry: elemental.Registry) -> None:
    ctx.response_writer = by_hand


def quiet(ctx: bahamut.Context, registry: elemental.Registry) -> None:
    ctx.disable_output_data_push = True


def extra(ctx: bahamut.Context, registry: elemental.Registry) -> None:
    extra_list = new(registry, "list", identifier="extra", name="extra", pin="1234")
    ctx.enqueue_events(Event.new(EventType.UPDATE, extra_list, timestamp=now()))


def extras(ctx: bahamut.Context, registry: elemental.Registry) -> None:
    extra(ctx, registry)
    more = new(registry, "task", identifier="extra", name="more")
    ctx.enqueue_events(Event.new(EventType.DELETE, more, timestamp=now()))


BEFORE: dict[str, Word] = {
    "boom": fails(lambda: RuntimeError("boom")),
    "fuss": fails(lambda: RuntimeError("fuss")),
    "teapot": fails(
        lambda: Error("Teapot", "short and stout", "workshop", 418, {"handle": "left", "spouts": 1})
    ),
    "twin": fails(lambda: Errors(*TWIN)),
    "nested": fails(lambda: Errors(NESTED)),
    "plain": fails(lambda: RuntimeError("something plain")),
    "lost": fails(bahamut.NotFoundError),
    "gone": fails(gone),
    "canceled": fails(asyncio.CancelledError),
    "deadline": fails(TimeoutError),
    "wrapcancel": fails(lambda: RuntimeError("wrapped: context canceled")),
    "lowcode": odd("code below one hundred", 99),
    "zerocode": odd("no code", 0),
    "highcode": odd("code above one thousand", 1001),
    "farcode": odd("code six hundred", 600),
    "noerrors": fails(Errors),
    "badclaim": bad_claim,
    "claims": claims,
    "writer": writer,
    "twowriters": two_writers,
    "quiet": quiet,
    "extra": extra,
    "extras": extras,
}
SKIPS_WORK = {"writer", "twowriters"}


def assigns(attribute: str, value: Any) -> Word:
    """Return a word that sets one attribute of the context."""
    return lambda ctx, registry: setattr(ctx, attribute, value)


def answers(make: Callable[[elemental.Registry], Any]) -> Word:
    """Return a word that sets the output data."""
    return lambda ctx, registry: setattr(ctx, "output_data", make(registry))


def notes(ctx: bahamut.Context, registry: elemental.Registry) -> None:
    ctx.add_message("first note")
    ctx.add_message("second; note")


def cookie(ctx: bahamut.Context, registry: elemental.Registry) -> None:
    cookies: SimpleCookie = SimpleCookie()
    cookies["color"] = "blue"
    cookies["size"] = "very big"
    cookies["size"].update(
        {
            "path": "/lists",
            "domain": "example.org",
            "max-age": 60,
            "secure": True,
            "httponly": True,
            "samesite": "Strict",
        }
    )
    ctx.add_output_cookies(*cookies.values())


def sparse(ctx: bahamut.Context, registry: elemental.Registry) -> None:
    if isinstance(ctx.output_data, elemental.Model):
        ctx.output_data = ctx.output_data.to_sparse("ID", "name", "pin")


def echo(ctx: bahamut.Context, registry: elemental.Registry) -> None:
    request = ctx.request
    ctx.output_data = {
        "namespace": request.namespace,
        "recursive": request.recursive,
        "propagated": request.propagated,
        "override": request.override_protection,
        "operation": request.operation.value,
        "identity": request.identity.name,
        "objectID": request.object_id,
        "parentIdentity": request.parent_identity.name,
        "parentID": request.parent_id,
        "order": list(request.order),
        "page": request.page,
        "pageSize": request.page_size,
        "limit": request.limit,
        "after": request.after,
        "username": request.username,
        "password": request.password,
        "version": request.version,
        "trackingID": request.external_tracking_id,
        "trackingType": request.external_tracking_type,
        "contentType": request.content_type,
        "accept": request.accept,
        "claims": ctx.claims,
        "size": len(request.data),
        "headers": {
            name.title(): request.headers.getall(name)
            for name in request.headers
            if name.title().startswith("X-T-")
        },
        "parameters": {
            name: {"values": parameter.values, "value": parameter.value}
            for name, parameter in request.parameters.items()
        },
    }


AFTER: dict[str, Word] = {
    "move": assigns("redirect", "https://example.org/elsewhere?a=1&b=2"),
    "notes": notes,
    "cookie": cookie,
    "okay": assigns("status_code", 200),
    "made": assigns("status_code", 201),
    "later": assigns("status_code", 202),
    "empty": assigns("status_code", 204),
    "sorry": assigns("status_code", 503),
    "void": assigns("output_data", None),
    "next": assigns("next", "token of the next page"),
    "count": assigns("count", 42),
    "text": answers(lambda registry: "just <text> & é"),
    "number": answers(lambda registry: 42),
    "texts": answers(lambda registry: ["b", "a"]),
    "map": answers(
        lambda registry: {
            "b": 1,
            "a": [True, None, 1.5, "x"],
            "time": datetime(2020, 1, 2, 3, 4, 5, 600_000, UTC),
        }
    ),
    "other": answers(lambda registry: new(registry, "user", identifier="someone", name="someone")),
    "many": answers(
        lambda registry: [
            new(registry, "list", identifier="a", name="first", pin="1234"),
            new(registry, "list", identifier="b", name="second", pin="5678"),
        ]
    ),
    "sparse": sparse,
    "big": answers(
        lambda registry: new(
            registry, "list", identifier="big", name="0123456789" * 200, pin="1234"
        )
    ),
    "edge": answers(lambda registry: "x" * 1398),
    "edgeless": answers(lambda registry: "x" * 1397),
    "both": both,
    "echo": echo,
    "ip": lambda ctx, registry: setattr(ctx, "output_data", {"clientIP": ctx.request.client_ip}),
    "bomb": fails(lambda: RuntimeError("bomb after the work")),
    "late": fails(lambda: Error("Late", "failed after the work", "workshop", 409)),
}
