"""The reference of storage, against plain lists."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bahamut.elemental import Identity, Model, attribute
from bahamut.elemental.filters import Filter
from bahamut.manipulate import (
    ConflictError,
    InvalidQueryError,
    MemoryManipulator,
    ObjectNotFoundError,
    Page,
    Parent,
    Query,
    TooExpensiveError,
    UnsupportedError,
    iterate,
)
from hypothesis import given, settings, strategies as st

pytestmark = pytest.mark.asyncio


class Thing(Model, identity=Identity("thing", "things")):
    id: str = attribute(default="", wire="ID", identifier=True)
    name: str = attribute(default="", filterable=True)
    note: str = attribute(default="")
    size: int = attribute(default=0, filterable=True)
    tags: list[str] | None = attribute(default=None)
    when: datetime | None = attribute(default=None)


SHELVES = [Parent("shelf", "1"), Parent("shelf", "2")]


async def filled(*things: Thing, parent: Parent | None = None) -> MemoryManipulator:
    made = MemoryManipulator()
    for thing in things:
        await made.create(thing, Query(parent=parent))
    return made


async def names(manipulator: MemoryManipulator, **query: Any) -> list[str]:
    return [t.name for t in (await manipulator.retrieve_many(Thing, Query(**query))).items]


# --- against plain lists -------------------------------------------------------------------------

Test = Callable[[Thing], bool]
few_names = st.sampled_from(["a", "b", "c", ""])
things = st.lists(
    st.tuples(
        st.builds(
            Thing,
            id=st.integers(0, 99).map(str),
            name=few_names,
            note=few_names,
            size=st.integers(0, 3),
            tags=st.lists(few_names, max_size=2),
            when=st.none() | st.integers(0, 3).map(lambda n: datetime(2024, 1, 1 + n, tzinfo=UTC)),
        ),
        st.sampled_from(SHELVES),
    ),
    max_size=12,
    unique_by=lambda pair: pair[0].id,
)
conditions = st.recursive(
    st.one_of(
        few_names.map(lambda n: (Filter().with_key("name").equals(n), lambda t: t.name == n)),
        few_names.map(lambda n: (Filter().with_key("note").not_equals(n), lambda t: t.note != n)),
        st.lists(few_names).map(
            lambda ns: (Filter().with_key("name").in_(*ns), lambda t: t.name in ns)
        ),
        st.integers(0, 3).map(
            lambda n: (Filter().with_key("size").greater_than(n), lambda t: t.size > n)
        ),
        st.integers(0, 3).map(
            lambda n: (Filter().with_key("size").equals(n), lambda t: t.size == n)
        ),
        few_names.map(lambda n: (Filter().with_key("tags").contains(n), lambda t: n in t.tags)),
        st.integers(0, 99).map(
            lambda n: (Filter().with_key("ID").equals(str(n)), lambda t: t.id == str(n))
        ),
    ),
    lambda inner: st.tuples(st.booleans(), st.lists(inner, min_size=1, max_size=3)).map(
        lambda given: joined(*given)
    ),
    max_leaves=4,
)


def joined(is_or: bool, parts: list[tuple[Filter, Test]]) -> tuple[Filter, Test]:
    filters, tests = [f for f, _ in parts], [t for _, t in parts]
    if is_or:
        return Filter().or_(*filters), lambda thing: any(test(thing) for test in tests)
    slots = Filter(tuple(slot for each in filters for slot in each.slots))
    return slots, lambda thing: all(test(thing) for test in tests)


def sort_key(name: str) -> Callable[[Thing], Any]:
    if name == "when":
        return lambda thing: thing.when or datetime.min.replace(tzinfo=UTC)
    return lambda thing: thing.value_for_attribute(name)


def ordered(found: list[Thing], order: list[str]) -> list[Thing]:
    for name in reversed([*order, "ID"] if order else []):
        found = sorted(found, key=sort_key(name.lstrip("-")), reverse=name.startswith("-"))
    return found


@settings(max_examples=150, deadline=None)
@given(
    things,
    conditions | st.none(),
    st.sampled_from(SHELVES) | st.none(),
    st.lists(st.sampled_from(["name", "-size", "when", "-when", "-ID", "note"]), max_size=3),
    st.integers(0, 3),
    st.integers(1, 4),
    st.lists(st.integers(0, 11), max_size=3),
)
async def test_it_answers_as_a_plain_list_does(
    stored: list[tuple[Thing, Parent]],
    condition: tuple[Filter, Test] | None,
    parent: Parent | None,
    order: list[str],
    page: int,
    size: int,
    removed: list[int],
) -> None:
    manipulator = MemoryManipulator()
    for thing, shelf in stored:
        await manipulator.create(Thing(id=thing.id, name="before"), Query(parent=shelf))
    for thing, _ in stored:
        await manipulator.update(thing)
    gone = {stored[index][0].id for index in removed if index < len(stored)}
    for identifier in gone:
        await manipulator.delete(Thing(id=identifier))

    query = Query(filter=condition and condition[0], parent=parent, order=order)
    expected = ordered(
        [
            thing
            for thing, shelf in stored
            if thing.id not in gone
            and (parent is None or shelf == parent)
            and (condition is None or condition[1](thing))
        ],
        order,
    )
    found = await manipulator.retrieve_many(Thing, query)
    assert (found.items, found.total) == (expected, len(expected))
    assert await manipulator.count(Thing, query) == len(expected)
    assert [t async for t in iterate(manipulator, Thing, query, block=size)] == expected
    start = (max(page, 1) - 1) * size
    by_number = Query(filter=query.filter, parent=parent, order=order, page=page, page_size=size)
    assert (await manipulator.retrieve_many(Thing, by_number)).items == expected[start:][:size]


# --- one at a time -------------------------------------------------------------------------------


async def test_what_is_handed_over_is_the_callers() -> None:
    given = Thing(name="a", tags=["x"])
    manipulator = await filled()
    created = await manipulator.create(given)
    assert created.id
    assert given.id == ""
    for mine in (given, created, await manipulator.retrieve(Thing, created.id)):
        mine.tags.append("mine")
    assert (await manipulator.retrieve(Thing, created.id)).tags == ["x"]


async def test_identifiers_are_unique() -> None:
    manipulator = await filled(Thing(id="1"))
    with pytest.raises(ConflictError):
        await manipulator.create(Thing(id="1"))


@pytest.mark.parametrize("what", ["retrieve", "update", "delete", "parent_of"])
async def test_what_is_not_there_is_not_found(what: str) -> None:
    manipulator = await filled(Thing(id="1"))
    calls = {
        "retrieve": lambda: manipulator.retrieve(Thing, "2"),
        "update": lambda: manipulator.update(Thing(id="2")),
        "delete": lambda: manipulator.delete(Thing.SPARSE(id="2")),
        "parent_of": lambda: manipulator.parent_of(Thing, "2"),
    }
    with pytest.raises(ObjectNotFoundError):
        await calls[what]()


async def test_an_object_is_found_under_its_parent_only() -> None:
    manipulator = await filled(Thing(id="1"), parent=SHELVES[0])
    assert (await manipulator.retrieve(Thing, "1", Query(parent=SHELVES[0]))).id == "1"
    with pytest.raises(ObjectNotFoundError):
        await manipulator.retrieve(Thing, "1", Query(parent=SHELVES[1]))
    assert await manipulator.parent_of(Thing, "1") == SHELVES[0]


async def test_a_sparse_update_changes_what_it_holds() -> None:
    manipulator = await filled(Thing(id="1", name="a", size=2))
    updated = await manipulator.update(Thing.SPARSE(id="1", name="b"))
    assert (updated.name, updated.size) == ("b", 2)
    assert await names(manipulator, filter=Filter.parse("name == b")) == ["b"]
    assert await names(manipulator, filter=Filter.parse("name == a")) == []


async def test_asking_for_fields_gives_sparse_objects() -> None:
    manipulator = await filled(Thing(id="1", name="a", size=2))
    one = await manipulator.retrieve(Thing, "1", Query(fields=["name"]))
    [other] = (await manipulator.retrieve_many(Thing, Query(fields=["name"]))).items
    assert one.to_wire() == other.to_wire() == {"name": "a"}


@pytest.mark.parametrize(
    "query",
    [
        Query(filter=Filter.parse("nothing == 1")),
        Query(order=["nothing"]),
        Query(after="1", page=1),
        Query(after="nothing"),
        Query(page_size=-1),
        Query(limit=-1),
        Query(filter=Filter().with_key("name").matches(r"\pL{1000}")),
    ],
)
async def test_queries_that_cannot_be_meant_are_refused(query: Query) -> None:
    manipulator = await filled(Thing(id="1"))
    with pytest.raises(InvalidQueryError):
        await manipulator.retrieve_many(Thing, query)


async def test_many_are_deleted_only_when_it_is_said_which() -> None:
    manipulator = await filled(Thing(name="a"), Thing(name="b"), Thing(name="a"))
    with pytest.raises(InvalidQueryError):
        await manipulator.delete_many(Thing, Query())
    assert await manipulator.delete_many(Thing, Query(filter=Filter.parse("name == a"))) == 2
    assert await names(manipulator) == ["b"]


async def test_a_page_says_where_the_next_begins() -> None:
    manipulator = await filled(*(Thing(id=str(n)) for n in range(3)))
    page: Page[Thing] = await manipulator.retrieve_many(Thing, Query(limit=2))
    assert ([t.id for t in page.items], page.total, page.next) == (["0", "1"], 3, "1")
    page = await manipulator.retrieve_many(Thing, Query(limit=2, after=page.next))
    assert ([t.id for t in page.items], page.next) == (["2"], "")


# --- transactions --------------------------------------------------------------------------------


class OopsError(Exception):
    pass


async def fail(
    manipulator: MemoryManipulator, change: Callable[[MemoryManipulator], Awaitable[None]]
) -> None:
    """Change something in a transaction that fails."""
    async with manipulator.transaction():
        await change(manipulator)
        raise OopsError


async def change_everything(manipulator: MemoryManipulator) -> None:
    await manipulator.create(Thing(id="9", name="z"))
    await manipulator.update(Thing(id="1", name="changed"))
    await manipulator.delete(Thing(id="0"))
    await manipulator.create(Thing(id="0", name="again"))
    await manipulator.delete_many(Thing, Query(filter=Filter.parse('ID == "2"')))


async def test_a_transaction_keeps_all_changes_or_none() -> None:
    manipulator = await filled(*(Thing(id=str(n), name="abc"[n]) for n in range(3)))
    before = await manipulator.retrieve_many(Thing)
    with pytest.raises(OopsError):
        await fail(manipulator, change_everything)
    assert await manipulator.retrieve_many(Thing) == before
    assert await names(manipulator, filter=Filter.parse("name in [a, b, c]")) == ["a", "b", "c"]
    async with manipulator.transaction():
        await change_everything(manipulator)
    assert await names(manipulator) == ["changed", "z", "again"]


async def test_deleted_objects_that_come_back_are_listed_where_they_were() -> None:
    manipulator = await filled(*(Thing(id=str(n), name=str(n)) for n in range(20)))
    before = await manipulator.retrieve_many(Thing)

    async def delete_some(_: MemoryManipulator) -> None:
        for n in (3, 19, 0, 7):
            await manipulator.delete(Thing(id=str(n)))

    with pytest.raises(OopsError):
        await fail(manipulator, delete_some)
    await manipulator.create(Thing(id="20", name="20"))
    assert (await manipulator.retrieve_many(Thing)).items[:-1] == before.items
    assert (await names(manipulator))[-1] == "20"


async def test_a_transaction_inside_another_is_part_of_it() -> None:
    manipulator = await filled(Thing(id="1", name="a"))

    async def delete_inside(_: MemoryManipulator) -> None:
        async with manipulator.transaction():
            await manipulator.delete(Thing(id="1"))
        assert await names(manipulator) == []

    with pytest.raises(OopsError):
        await fail(manipulator, delete_inside)
    assert await names(manipulator) == ["a"]


async def test_what_others_change_meanwhile_is_not_taken_back() -> None:
    manipulator, has_begun, has_written = await filled(), asyncio.Event(), asyncio.Event()

    async def write() -> None:
        await has_begun.wait()
        await manipulator.create(Thing(name="theirs"))
        has_written.set()

    async def create_and_wait(_: MemoryManipulator) -> None:
        await manipulator.create(Thing(name="ours"))
        has_begun.set()
        await has_written.wait()

    writing = asyncio.create_task(write())
    with pytest.raises(OopsError):
        await fail(manipulator, create_and_wait)
    await writing
    assert await names(manipulator) == ["theirs"]


async def test_a_task_that_a_transaction_leaves_behind_is_not_part_of_it() -> None:
    manipulator, has_ended = await filled(), asyncio.Event()

    async def write_later() -> None:
        await has_ended.wait()
        async with manipulator.transaction():
            await manipulator.create(Thing(name="later"))

    tasks = list[Any]()

    async def leave_behind(_: MemoryManipulator) -> None:
        tasks.append(asyncio.create_task(write_later()))

    with pytest.raises(OopsError):
        await fail(manipulator, leave_behind)
    has_ended.set()
    await tasks[0]
    assert await names(manipulator) == ["later"]


async def test_what_was_deleted_and_is_back_is_not_shared() -> None:
    manipulator, deleted = await filled(Thing(id="1", name="a")), list[Thing]()

    async def delete(_: MemoryManipulator) -> None:
        deleted.append(await manipulator.delete(Thing(id="1")))

    with pytest.raises(OopsError):
        await fail(manipulator, delete)
    deleted[0].name = "changed"
    assert await names(manipulator) == ["a"]


async def test_transactions_wait_for_each_other() -> None:
    manipulator, order = await filled(), list[str]()

    async def work(name: str) -> None:
        async with manipulator.transaction():
            order.append(name)
            await asyncio.sleep(0)
            order.append(name)

    await asyncio.gather(work("a"), work("b"))
    assert order == ["a", "a", "b", "b"]


async def test_times_are_ordered_as_instants() -> None:
    noon = datetime(2024, 1, 1, 12, tzinfo=UTC)
    manipulator = await filled(
        Thing(name="late", when=noon + timedelta(seconds=1)),
        Thing(name="never"),
        Thing(name="noon", when=noon),
    )
    assert await names(manipulator, order=["when"]) == ["never", "noon", "late"]


# --- what a query means, for one object as for many ----------------------------------------------


class Located(Model, identity=Identity("located", "locateds")):
    id: str = attribute(default="", wire="ID", identifier=True)
    name: str = attribute(default="")
    namespace: str = attribute(default="", filterable=True)
    propagate: bool = attribute(default=False)


PLACES = [
    Located(id="1", namespace="/", propagate=True),
    Located(id="2", namespace="/"),
    Located(id="3", namespace="/a", propagate=True),
    Located(id="4", namespace="/a/b"),
    Located(id="5", namespace="/ab"),
    Located(id="6"),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), "123456"),
        (Query(namespace="/a"), "3"),
        (Query(namespace="/a", recursive=True), "34"),
        (Query(namespace="/a", propagated=True), "13"),
        (Query(namespace="/a/b", propagated=True), "134"),
        (Query(namespace="/", recursive=True), "12345"),
        (Query(namespace="/a", filter=Filter.parse('ID in ["1", "3"]')), "3"),
        (Query(namespace="/c"), ""),
    ],
)
async def test_a_query_means_the_same_objects_in_every_method(query: Query, expected: str) -> None:
    manipulator = MemoryManipulator()
    for place in PLACES:
        await manipulator.create(place)
    page = await manipulator.retrieve_many(Located, query)
    assert "".join(place.id for place in page.items) == expected
    assert page.total == await manipulator.count(Located, query) == len(expected)
    for place in PLACES:
        if place.id in expected:
            assert await manipulator.retrieve(Located, place.id, query) == place
            await manipulator.update(place, query)
            continue
        with pytest.raises(ObjectNotFoundError):
            await manipulator.retrieve(Located, place.id, query)
        with pytest.raises(ObjectNotFoundError):
            await manipulator.update(place, query)
        with pytest.raises(ObjectNotFoundError):
            await manipulator.delete(place, query)
    if query != Query():
        assert await manipulator.delete_many(Located, query) == len(expected)
        assert await manipulator.count(Located) == len(PLACES) - len(expected)


async def test_a_namespace_says_nothing_of_what_has_none() -> None:
    manipulator = await filled(Thing(id="1", name="a"))
    assert await names(manipulator, namespace="/a") == ["a"]
    with pytest.raises(InvalidQueryError):
        await manipulator.delete_many(Thing, Query(namespace="/a"))


async def test_a_finalizer_has_the_last_word_before_an_object_is_stored() -> None:
    manipulator = MemoryManipulator(lambda: "made")

    def finalize(thing: Thing) -> None:
        assert thing.id == "made"
        thing.name, thing.id = "final", "other"

    def refuse(_: Thing) -> None:
        raise KeyError("refused")

    with pytest.raises(KeyError):
        await manipulator.create(Thing(), Query(finalizer=refuse))
    assert await manipulator.count(Thing) == 0
    given_ = Thing()
    assert (await manipulator.create(given_, Query(finalizer=finalize))).name == "final"
    assert (await manipulator.retrieve(Thing, "made")).name == "final"
    assert given_.name == ""


async def test_what_a_driver_can_do_is_said_and_the_rest_refused() -> None:
    manipulator = await filled(Thing(id="1"))
    can = manipulator.capabilities
    assert (can.transactions, can.transaction_ids) == (True, False)
    query = Query(transaction_id="t")
    for call in (
        manipulator.create(Thing(id="2"), query),
        manipulator.retrieve(Thing, "1", query),
        manipulator.retrieve_many(Thing, query),
        manipulator.update(Thing(id="1"), query),
        manipulator.delete(Thing(id="1"), query),
        manipulator.delete_many(Thing, query),
        manipulator.count(Thing, query),
    ):
        with pytest.raises(UnsupportedError) as caught:
            await call
        assert caught.value.code == 501
    huge = Query(filter=Filter().with_key("name").matches(r"\pL{1000}"))
    with pytest.raises(TooExpensiveError) as expensive:
        await manipulator.retrieve_many(Thing, huge)
    assert expensive.value.code == 400


class Shelf(Model, identity=Identity("shelf", "shelves")):
    id: str = attribute(default="", wire="ID", identifier=True)
    label: Any = attribute(default=None)
    name: str = attribute(default="")


async def test_a_filter_may_ask_for_what_is_in_an_object() -> None:
    manipulator = MemoryManipulator()
    for color in ("red", "blue"):
        await manipulator.create(Shelf(id=color, label={"color": color}))
    query = Query(filter=Filter.parse("label.color == red"))
    assert [s.id for s in (await manipulator.retrieve_many(Shelf, query)).items] == ["red"]
    with pytest.raises(InvalidQueryError, match=r"unknown attribute 'name\.first'"):
        await manipulator.count(Shelf, Query(filter=Filter.parse("name.first == x")))
