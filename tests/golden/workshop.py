"""1.1, 1.2: the store of the recording server and its processors, on the public API alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import bahamut
from bahamut import elemental
from bahamut.elemental import Error, Operation
from tests.golden.scripts import AFTER, BEFORE, SKIPS_WORK, new, script_of

CHILDREN = ("list", "task")
"""Identities whose objects remember their parent."""


class Store:
    """One list of objects per identity, in order of creation; identifiers from one counter."""

    def __init__(self, registry: elemental.Registry) -> None:
        self.registry = registry
        self.objects: dict[str, list[Any]] = {i.name: [] for i in registry.all_identities()}
        self.counter = 0
        for name, text in (("first", "one"), ("second", "two")):
            self.objects["report"].append(new(registry, "report", identifier=name, text=text))

    def find(self, identity: str, identifier: str) -> Any:
        for stored in self.objects[identity]:
            if stored.identifier == identifier:
                return stored
        raise bahamut.NotFoundError

    def add(self, given: Any) -> None:
        self.counter += 1
        given.identifier = f"{self.counter:024x}"
        self.objects[given.identity.name].append(given.copy())

    def replace(self, given: Any) -> None:
        stored = self.find(given.identity.name, given.identifier)
        objects = self.objects[given.identity.name]
        objects[objects.index(stored)] = given.copy()

    def remove(self, identity: str, identifier: str) -> Any:
        stored = self.find(identity, identifier)
        self.objects[identity].remove(stored)
        return stored


class Workshop:
    """The business logic: one method per operation, around which the scripts act."""

    def __init__(self, registry: elemental.Registry) -> None:
        self.registry = registry
        self.store = Store(registry)

    async def process_retrieve_many(self, ctx: bahamut.Context) -> None:
        def work() -> None:
            selection = self._selection(ctx.request)
            ctx.count = len(selection)
            page = self._page(ctx, selection)
            ctx.output_data = [stored.copy() for stored in page]

        self._play(ctx, work)

    async def process_info(self, ctx: bahamut.Context) -> None:
        def work() -> None:
            ctx.count = len(self._selection(ctx.request))

        self._play(ctx, work)

    async def process_retrieve(self, ctx: bahamut.Context) -> None:
        def work() -> None:
            request = ctx.request
            ctx.output_data = self.store.find(request.identity.name, request.object_id).copy()

        self._play(ctx, work)

    async def process_create(self, ctx: bahamut.Context) -> None:
        def work() -> None:
            request, given = ctx.request, ctx.input_data
            self._check_parent(request)
            elemental.verify(given, None, Operation.CREATE)
            if given.identity.name in CHILDREN:
                given.parentID = request.parent_id
                given.parentType = request.parent_identity.name
            if request.parameters.get("dry").bool_value:
                ctx.disable_output_data_push = True
            else:
                self.store.add(given)
            ctx.output_data = given

        self._play(ctx, work)

    async def process_update(self, ctx: bahamut.Context) -> None:
        def work() -> None:
            request, given = ctx.request, ctx.input_data
            stored = self.store.find(request.identity.name, request.object_id)
            given.identifier = given.identifier or request.object_id
            if given.identity.name in CHILDREN:
                given.parentID = given.parentID or stored.parentID
                given.parentType = given.parentType or stored.parentType
            elemental.backport_unexposed_fields(stored, given)
            elemental.verify(given, stored, Operation.UPDATE)
            self.store.replace(given)
            ctx.output_data = given

        self._play(ctx, work)

    async def process_patch(self, ctx: bahamut.Context) -> None:
        def work() -> None:
            request = ctx.request
            patched = self.store.find(request.identity.name, request.object_id).copy()
            patched.patch(ctx.input_data)
            self.store.replace(patched)
            ctx.output_data = patched

        self._play(ctx, work)

    async def process_delete(self, ctx: bahamut.Context) -> None:
        def work() -> None:
            request = ctx.request
            ctx.output_data = self.store.remove(request.identity.name, request.object_id)

        self._play(ctx, work)

    async def retrieve(self, request: elemental.Request) -> Any:
        """Find what a patch is for: the identifiable retriever."""
        match request.headers.get("X-Retriever"):
            case "error":
                raise RuntimeError("retriever failed")
            case "other":
                return new(self.registry, "gear")
            case "unpatchable":
                return new(self.registry, "root")
        return self.store.find(request.identity.name, request.object_id).copy()

    def _play(self, ctx: bahamut.Context, work: Callable[[], None]) -> None:
        words = script_of(ctx)
        for word in words:
            if word in BEFORE:
                BEFORE[word](ctx, self.registry)
        if SKIPS_WORK.isdisjoint(words):
            work()
        for word in words:
            if word in AFTER:
                AFTER[word](ctx, self.registry)

    def _check_parent(self, request: elemental.Request) -> None:
        if request.parent_id:
            self.store.find(request.parent_identity.name, request.parent_id)

    def _selection(self, request: elemental.Request) -> list[Any]:
        self._check_parent(request)
        found = self.store.objects[request.identity.name]
        if request.identity.name == "task" and request.parent_id:
            found = [task for task in found if task.parentID == request.parent_id]
        text = request.headers.get("X-Filter")
        if text:
            found = _filtered(found, text)
        parameters = request.parameters
        if parameters.get("done").bool_value:
            found = [task for task in found if task.status == "DONE"]
        colors = parameters.get("color").string_values
        if colors:
            found = [it for it in found if it.color.lower() in colors]
        titles = parameters.get("title").string_values
        if titles:
            found = [it for it in found if it.name in titles]
        return found

    def _page(self, ctx: bahamut.Context, found: list[Any]) -> list[Any]:
        request = ctx.request
        if request.page_size > 0:
            start = (max(request.page, 1) - 1) * request.page_size
            return found[start : start + request.page_size]
        if request.after:
            identifiers = [stored.identifier for stored in found]
            if request.after not in identifiers:
                return []
            found = found[identifiers.index(request.after) + 1 :]
        if request.limit > 0 and len(found) > request.limit:
            found = found[: request.limit]
            ctx.next = found[-1].identifier
        return found


def _filtered(found: list[Any], text: str) -> list[Any]:
    try:
        wanted = elemental.Filter.parse(text)
        return [stored for stored in found if elemental.matches(stored, wanted)]
    except ValueError as error:
        raise Error("Bad Filter", str(error), "workshop", 400) from error


ALL = ("retrieve_many", "retrieve", "create", "update", "delete", "info")
OPERATIONS = {
    "list": ALL,
    "task": ALL,
    "gadget": ALL,
    "gear": ALL,
    "user": tuple(name for name in ALL if name != "delete"),
    "safe": tuple(name for name in ALL if name != "update"),
    "report": ("retrieve_many", "retrieve"),
}


def processors(workshop: Workshop, *, with_patch: bool) -> dict[str, SimpleNamespace]:
    """Return a processor per identity, each with the methods that the recordings had."""

    def method(operation: str) -> Callable[[bahamut.Context], Awaitable[None]]:
        return getattr(workshop, f"process_{operation}")

    made = {
        identity: SimpleNamespace(**{f"process_{name}": method(name) for name in operations})
        for identity, operations in OPERATIONS.items()
    }
    if with_patch:
        made["task"].process_patch = method("patch")
    return made
