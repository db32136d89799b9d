"""What the interface of storage promises beyond finding and keeping objects."""

import time
from typing import Any

import pytest
from bahamut import respond
from bahamut.elemental import Identity, Model, attribute
from bahamut.elemental.filters import Filter
from bahamut.elemental.parameters import Parameter, Parameters
from bahamut.manipulate import (
    ConflictError,
    InvalidQueryError,
    ManipulateError,
    Manipulator,
    MemoryManipulator,
    ObjectNotFoundError,
    Page,
    Query,
    QueryTimeoutError,
    TooExpensiveError,
    UnavailableError,
    UnsupportedError,
    VersionMismatchError,
    new_filters_from_query_parameters,
)

pytestmark = pytest.mark.asyncio


class Thing(Model, identity=Identity("thing", "things")):
    id: str = attribute(default="", wire="ID", identifier=True)
    name: str = attribute(default="", filterable=True)
    free: Any = attribute(default=None)


async def filled(*things: Thing) -> MemoryManipulator:
    made = MemoryManipulator()
    for thing in things:
        await made.create(thing)
    return made


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ObjectNotFoundError(), 404, "Unable to find"),
        (ConflictError("login", "ann"), 409, "login is 'ann'"),
        (VersionMismatchError(2, 3), 412, "version is 3, not 2"),
        (InvalidQueryError("no such thing", 7), 400, "no such thing"),
        (TooExpensiveError("too much"), 400, "too much"),
        (UnavailableError(1.2), 503, "does not answer"),
        (QueryTimeoutError(), 504, "too long"),
        (UnsupportedError("not that"), 501, "not that"),
    ],
)
async def test_every_error_is_an_answer(error: ManipulateError, code: int, words: str) -> None:
    [answered] = respond.failure_of(error).errors
    assert (answered.code, answered.subject) == (code, "bahamut")
    assert answered.title
    assert words in answered.description


async def test_errors_say_what_a_program_needs() -> None:
    assert ConflictError("login", "ann").data == {"attribute": "login"}
    assert InvalidQueryError("x").data is None
    assert respond.failure_of(UnavailableError(1.2)).extra_headers == (("Retry-After", "2"),)
    assert respond.failure_of(UnavailableError()).extra_headers == ()


@pytest.mark.parametrize(
    ("text", "position"), [("name = x", 6), ("name == x )", 11), ('name == "x', 10), ("(", 1)]
)
async def test_a_filter_that_is_none_says_how_far_it_was_read(text: str, position: int) -> None:
    parameters = Parameters({"q": Parameter("string", [text])})
    with pytest.raises(InvalidQueryError) as caught:
        new_filters_from_query_parameters(parameters)
    assert caught.value.data == {"position": position}


async def test_a_version_counts_changes_and_can_be_expected() -> None:
    manipulator = await filled(Thing(id="1", name="a"))
    assert await manipulator.version_of(Thing, "1") == 1
    await manipulator.update(Thing(id="1", name="b"), Query(expected_version=1))
    for change in (manipulator.update, manipulator.delete):
        with pytest.raises(VersionMismatchError, match="version is 2, not 1"):
            await change(Thing(id="1", name="c"), Query(expected_version=1))
    assert (await manipulator.retrieve(Thing, "1")).name == "b"
    await manipulator.delete(Thing(id="1"), Query(expected_version=2))
    with pytest.raises(ObjectNotFoundError):
        await manipulator.version_of(Thing, "1")


class OopsError(Exception):
    pass


async def test_a_transaction_that_fails_leaves_versions_as_they_were() -> None:
    manipulator = await filled(Thing(id="1"), Thing(id="2"))
    await manipulator.update(Thing(id="2"))

    async def change_and_fail() -> None:
        async with manipulator.transaction():
            await manipulator.update(Thing(id="1"))
            await manipulator.delete(Thing(id="2"))
            raise OopsError

    with pytest.raises(OopsError):
        await change_and_fail()
    assert [await manipulator.version_of(Thing, found) for found in "12"] == [1, 2]


async def test_behind_a_deadline_nothing_is_done() -> None:
    manipulator = await filled(Thing(id="1"))
    late, early = (Query(deadline=time.monotonic() + seconds, all=True) for seconds in (-1, 60))

    def calls(query: Query) -> list[Any]:
        return [
            manipulator.create(Thing(id="2"), query),
            manipulator.retrieve(Thing, "1", query),
            manipulator.retrieve_many(Thing, query),
            manipulator.update(Thing(id="1", name="x"), query),
            manipulator.count(Thing, query),
            manipulator.delete(Thing(id="1"), query),
            manipulator.delete_many(Thing, query),
        ]

    for call in calls(late):
        with pytest.raises(QueryTimeoutError):
            await call
    assert [t.name for t in (await manipulator.retrieve_many(Thing)).items] == [""]
    for call in calls(early):
        await call
    assert await manipulator.count(Thing) == 0


async def test_a_search_ends_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    manipulator = MemoryManipulator()
    text = "x" * 20_000
    for n in range(40):  # more than one slice of work
        await manipulator.create(Thing(id=str(n), name=text))
    clock = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    query = Query(filter=Filter.parse('name matches "a[ab]y"'), deadline=1)
    with pytest.raises(QueryTimeoutError):
        await manipulator.retrieve_many(Thing, query)
    assert next(clock) == 3


async def test_x50_a_search_that_costs_too_much_is_too_expensive() -> None:
    manipulator = MemoryManipulator(budget=1_000)
    for _ in range(50):
        await manipulator.create(Thing(name="x"))
    query = Query(filter=Filter.parse('name matches "a[ab]y"'))
    for call in (manipulator.retrieve_many, manipulator.count, manipulator.delete_many):
        with pytest.raises(TooExpensiveError, match="costs too much") as caught:
            await call(Thing, query)
        assert (caught.value.code, caught.value.title) == (400, "Too Expensive")
    assert await manipulator.count(Thing) == 50


async def test_an_attribute_orders_once() -> None:
    manipulator = await filled(*(Thing(name=name) for name in "bac"))
    order = ("-name", "name", *("free",) * 100_000)
    page: Page[Thing] = await manipulator.retrieve_many(Thing, Query(order=order))
    assert [t.name for t in page.items] == ["c", "b", "a"]


async def test_all_are_deleted_only_when_that_is_said() -> None:
    manipulator = await filled(Thing(), Thing())
    for nothing in (Query(), Query(filter=Filter()), Query(deadline=time.monotonic() + 60)):
        with pytest.raises(InvalidQueryError, match="say which"):
            await manipulator.delete_many(Thing, nothing)
    assert await manipulator.delete_many(Thing, Query(all=True)) == 2


async def test_iteration_yields_what_a_query_means_whatever_its_page() -> None:
    manipulator: Manipulator = await filled(*(Thing(id=str(n), name="ab"[n % 2]) for n in range(9)))
    query = Query(filter=Filter.parse("name == a"), order=("-ID",), page=2, page_size=1)
    found = [thing.id async for thing in manipulator.iter(Thing, query, 2)]
    assert found == ["8", "6", "4", "2", "0"]


async def test_what_objects_need_is_made_once_and_said_before() -> None:
    manipulator = MemoryManipulator()
    plans = [
        (await manipulator.ensure(Thing, dry_run=dry)).steps for dry in (True, True, False, True)
    ]
    assert plans == [("table thing",)] * 3 + [()]


async def test_values_of_every_kind_have_an_order() -> None:
    values = ["b", 2, None, "a", 1.5, [1], True]
    manipulator = await filled(*(Thing(free=value) for value in values))
    page: Page[Thing] = await manipulator.retrieve_many(Thing, Query(order=("free",)))
    assert [t.free for t in page.items] == [None, True, 1.5, 2, "a", "b", [1]]
