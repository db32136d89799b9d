"""Searching in memory lets other tasks run and answers as of the moment at which it began."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from bahamut.elemental import Identity, Model, attribute
from bahamut.elemental.filters import Filter
from bahamut.elemental.namespace import namespace_ancestors
from bahamut.elemental.parameters import Parameter, Parameters
from bahamut.manipulate import (
    MemoryManipulator,
    Parent,
    Query,
    TooExpensiveError,
    new_filters_from_query_parameters,
)
from bahamut.manipulate.filters import namespace_test
from bahamut.manipulate.search import Work
from bahamut.manipulate.sorting import ordered
from hypothesis import given, settings, strategies as st

pytestmark = pytest.mark.asyncio


class Thing(Model, identity=Identity("thing", "things")):
    id: str = attribute(default="", wire="ID", identifier=True)
    name: str = attribute(default="")
    namespace: str = attribute(default="")
    propagate: bool = attribute(default=False)
    status: str = attribute(default="", filterable=True)
    free: Any = attribute(default=None)


# Each object costs a whole slice of work, so that others run after each of them.
SLOW = Filter.parse('name matches "[xz]a[ab]{20}y" or status == A')
TEXT = "x" * 50_000


async def filled(count: int = 20, *, parent: Parent | None = None) -> MemoryManipulator:
    made = MemoryManipulator()
    for n in range(count):
        await made.create(Thing(id=f"{n:02}", name=TEXT, status="A"), Query(parent=parent))
    return made


async def while_searching(
    search: Awaitable[Any], change: Callable[[], Awaitable[Any]], turns: int = 3
) -> Any:
    """Change something in the middle of a search, and return what the search says."""
    searching = asyncio.ensure_future(search)
    for _ in range(turns):
        await asyncio.sleep(0)
    assert not searching.done()
    await change()
    return await searching


async def test_x50_others_run_while_objects_are_looked_at() -> None:
    manipulator = await filled()
    for call in (
        manipulator.retrieve_many(Thing, Query(filter=SLOW, limit=1)),
        manipulator.count(Thing, Query(filter=SLOW)),
        manipulator.delete_many(Thing, Query(filter=SLOW)),
    ):
        turns = 0
        searching = asyncio.ensure_future(call)
        while not searching.done():
            turns += 1
            await asyncio.sleep(0)
        assert turns >= 20


async def test_x50_searches_take_turns() -> None:
    manipulator = await filled()
    looked: list[int] = []

    async def search() -> None:
        await manipulator.count(Thing, Query(filter=SLOW))

    searches = [asyncio.ensure_future(search()) for _ in range(5)]
    spend = Work.spend

    def counted(self: Work, units: int) -> None:
        looked[-1] += 1
        spend(self, units)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Work, "spend", counted)
        while not all(search.done() for search in searches):
            looked.append(0)
            await asyncio.sleep(0)
    assert max(looked[1:]) <= 2  # one slice in a round, and the last one of a search


async def test_a_search_answers_as_of_the_moment_at_which_it_began() -> None:
    manipulator = await filled()

    async def change() -> None:
        await manipulator.delete(Thing(id="19"))
        await manipulator.update(Thing(id="18", name="changed", status="B"))
        await manipulator.create(Thing(id="20", status="A"))

    page = await while_searching(
        manipulator.retrieve_many(Thing, Query(filter=SLOW, order=("ID",))), change
    )
    assert [(t.id, t.status) for t in page.items] == [(f"{n:02}", "A") for n in range(20)]
    assert await manipulator.count(Thing, Query(filter=SLOW)) == 19


async def test_a_search_under_a_parent_does_not_mind_that_objects_go() -> None:
    parent = Parent("list", "1")
    manipulator = await filled(parent=parent)
    query = Query(filter=SLOW, parent=parent)

    async def change() -> None:
        await manipulator.delete_many(Thing, Query(all=True))

    assert await while_searching(manipulator.count(Thing, query), change) == 20
    assert await manipulator.count(Thing, query) == 0


async def test_only_what_a_query_still_means_is_deleted() -> None:
    manipulator = await filled()

    async def change() -> None:
        await manipulator.delete(Thing(id="17"))
        await manipulator.update(Thing(id="18", name="changed", status="B"))
        await manipulator.update(Thing(id="19", name="changed", status="A"))
        await manipulator.create(Thing(id="20", name="new", status="A"))

    query = Query(filter=SLOW)
    assert await while_searching(manipulator.delete_many(Thing, query), change) == 18
    left = (await manipulator.retrieve_many(Thing, Query(order=("ID",)))).items
    assert [t.id for t in left] == ["18", "20"]


async def test_a_transaction_takes_back_what_was_deleted_in_slices() -> None:
    manipulator = await filled()
    order = [f"{n:02}" for n in range(20)]

    async def remove() -> None:
        async with manipulator.transaction():
            assert await manipulator.delete_many(Thing, Query(filter=SLOW)) == 20
            raise KeyError

    with pytest.raises(KeyError):
        await remove()
    found = await manipulator.retrieve_many(Thing)
    assert [t.id for t in found.items] == order
    assert await manipulator.version_of(Thing, "00") == 1


async def test_a_deletion_that_is_cancelled_in_a_transaction_is_taken_back() -> None:
    manipulator = await filled()

    removed = asyncio.Event()

    async def remove() -> None:
        async with manipulator.transaction():
            await manipulator.delete_many(Thing, Query(filter=Filter.parse("status == A")))
            await manipulator.delete_many(Thing, Query(all=True))
            removed.set()
            await asyncio.Event().wait()

    removing = asyncio.ensure_future(remove())
    async with asyncio.timeout(10):
        await removed.wait()
    assert await manipulator.count(Thing) == 0
    removing.cancel()
    await asyncio.wait((removing,))
    assert [t.id for t in (await manipulator.retrieve_many(Thing)).items][:2] == ["00", "01"]


# --- the budget ------------------------------------------------------------------------------


async def test_x50_the_same_query_gets_the_same_answer_every_time() -> None:
    manipulator = MemoryManipulator(budget=1_500_000)
    for n in range(20):
        await manipulator.create(Thing(id=str(n), name=TEXT))
    for _ in range(3):
        with pytest.raises(TooExpensiveError):
            await manipulator.count(Thing, Query(filter=SLOW))
        assert await manipulator.count(Thing, Query(filter=Filter.parse("name matches a.b"))) == 0


async def test_l2_one_object_may_be_too_expensive() -> None:
    manipulator = MemoryManipulator()
    await manipulator.create(Thing(id="1", name="ab" * 30_000))
    query = Query(filter=Filter().with_key("name").matches("(((a|b)?){30}){30}c"))
    for call in (
        manipulator.retrieve_many(Thing, query),
        manipulator.count(Thing, query),
        manipulator.retrieve(Thing, "1", query),
        manipulator.delete_many(Thing, query),
        manipulator.delete(Thing(id="1"), query),
        manipulator.update(Thing(id="1"), query),
    ):
        with pytest.raises(TooExpensiveError) as caught:
            await call
        assert (caught.value.code, caught.value.title) == (400, "Too Expensive")
    assert await manipulator.count(Thing) == 1


@pytest.mark.parametrize(
    "texts",
    [
        [f"name in [{','.join(['x'] * 10_001)}]"],
        [f"name in [{','.join(['x'] * 6_000)}]", f"name in [{','.join(['y'] * 6_000)}]"],
        [" or ".join(["name == x"] * 2_500), " or ".join(["name == y"] * 2_500)],
    ],
)
async def test_x50_filters_of_requests_are_bounded_together(texts: list[str]) -> None:
    parameters = Parameters({"q": Parameter("string", texts)})
    with pytest.raises(TooExpensiveError, match="Invalid filter: more than") as caught:
        new_filters_from_query_parameters(parameters)
    assert caught.value.title == "Too Expensive"


async def test_x50_ordinary_queries_over_ten_thousand_objects_are_answered() -> None:
    manipulator = MemoryManipulator()
    for n in range(10_000):
        await manipulator.create(Thing(id=str(n), name=f"thing {n}" * 10, free=["a", "b", n]))
    dozen = " or ".join(f'(name matches "^thing {n}" and free == {n})' for n in range(5, 11))
    for text, count in (
        (dozen, 6),
        ('name matches "(?i)THING 99.*7$"', 11),
        ('free contains ["c", 1, 2] and name matches "thing.*[0-9]"', 2),
    ):
        assert await manipulator.count(Thing, Query(filter=Filter.parse(text))) == count


# --- indexes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"status in [{','.join(['A'] * 9_000)}]",
        " and ".join(["status == A"] * 2_000),
        'status in [A, A, nothing] and ID in ["00", "00", "01", nothing]',
    ],
)
async def test_an_index_is_asked_once_for_each_value(text: str) -> None:
    manipulator = await filled(4)
    expected = 2 if "ID" in text else 4
    page = await manipulator.retrieve_many(Thing, Query(filter=Filter.parse(text)))
    assert [t.id for t in page.items] == [f"{n:02}" for n in range(expected)]


# --- order -----------------------------------------------------------------------------------

beginnings = st.sampled_from(["", "a" * 255, "a" * 256, "a" * 257, "b" * 600, "a" * 5_000])
ends = st.text(st.sampled_from("ab\0é"), max_size=2)
long_texts = st.builds(lambda a, b, c: a + b + c, beginnings, ends, beginnings)


@settings(deadline=None)
@given(st.lists(st.one_of(long_texts, st.none(), st.integers(0, 3)), max_size=12), st.booleans())
async def test_long_texts_have_the_same_order_as_short_ones(
    values: list[Any], is_descending: bool
) -> None:
    random.shuffle(values)
    things = [Thing(id=f"{n:02}", free=value) for n, value in enumerate(values)]
    work = Work(10**9, 0.0, asyncio.Lock())
    found = await ordered(things, Thing, ("-free" if is_descending else "free",), work)

    def key(thing: Thing) -> tuple[Any, ...]:
        value = thing.free
        return (0,) if value is None else (2 if isinstance(value, str) else 1, value)

    assert found == sorted(things, key=key, reverse=is_descending)


async def test_sorting_costs_something_too() -> None:
    manipulator = MemoryManipulator(budget=1_000)
    for n in range(100):
        await manipulator.create(Thing(id=str(n), name="a"))
    with pytest.raises(TooExpensiveError):
        await manipulator.retrieve_many(Thing, Query(order=("name", "-free", "status")))


# --- namespaces ------------------------------------------------------------------------------

names = st.lists(st.sampled_from(["/", "a", "b", "a/", ""]), max_size=5).map("".join)


@given(names, names)
async def test_what_is_propagated_comes_from_the_namespaces_above(
    namespace: str, found: str
) -> None:
    test = namespace_test(Thing, namespace, recursive=False, propagated=True)
    if test is not None:
        expected = found == namespace or found in namespace_ancestors(namespace)
        assert test(Thing(namespace=found, propagate=True)) is expected
