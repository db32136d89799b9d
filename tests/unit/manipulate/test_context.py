"""Contexts are values that make queries."""

from dataclasses import fields

import pytest
from bahamut import manipulate
from bahamut.elemental import Identity, Model, attribute
from bahamut.elemental.filters import Filter
from bahamut.manipulate import MContext, Parent, Query, ReadConsistency, Tracking, WriteConsistency


class Thing(Model, identity=Identity("thing", "things")):
    id: str = attribute(default="", wire="ID", identifier=True)


NAMED = Filter().with_key("name").equals("x")
OPTIONS = [
    (manipulate.mctx_opt_filter(NAMED), {"filter": NAMED}),
    (manipulate.mctx_opt_namespace("/a"), {"namespace": "/a"}),
    (manipulate.mctx_opt_recursive(True), {"recursive": True}),
    (manipulate.mctx_opt_propagated(True), {"propagated": True}),
    (manipulate.mctx_opt_parent(Thing(id="1")), {"parent": Parent("thing", "1")}),
    (manipulate.mctx_opt_parent(Parent("thing", "1")), {"parent": Parent("thing", "1")}),
    (manipulate.mctx_opt_parameters({"k": ["v"]}), {"parameters": {"k": ("v",)}}),
    (manipulate.mctx_opt_order("name", "-size"), {"order": ("name", "-size")}),
    (manipulate.mctx_opt_page(2, 10), {"page": 2, "page_size": 10}),
    (manipulate.mctx_opt_after("1", 10), {"after": "1", "limit": 10}),
    (manipulate.mctx_opt_fields(["name"]), {"fields": ("name",)}),
    (manipulate.mctx_opt_version(3), {"version": 3}),
    (manipulate.mctx_opt_all(True), {"all": True}),
    (manipulate.mctx_opt_expected_version(2), {"expected_version": 2}),
    (manipulate.mctx_opt_deadline(1.5), {"deadline": 1.5}),
    (manipulate.mctx_opt_override(True), {"override": True}),
    (manipulate.mctx_opt_tracking("1", "job"), {"tracking": Tracking("1", "job")}),
    (manipulate.mctx_opt_finalizer(print), {"finalizer": print}),
    (manipulate.mctx_opt_transaction_id("t"), {"transaction_id": "t"}),
    (
        manipulate.mctx_opt_read_consistency(ReadConsistency.STRONG),
        {"read_consistency": ReadConsistency.STRONG},
    ),
    (
        manipulate.mctx_opt_write_consistency(WriteConsistency.NONE),
        {"write_consistency": WriteConsistency.NONE},
    ),
    (manipulate.mctx_opt_idempotency_key("k"), {"idempotency_key": "k"}),
]


@pytest.mark.parametrize(("option", "expected"), OPTIONS)
def test_an_option_changes_what_it_says(option, expected):
    assert MContext(option).query() == Query(**expected)


def test_there_is_an_option_for_every_field_of_a_query():
    assert {name for _, expected in OPTIONS for name in expected} == {
        field.name for field in fields(Query)
    }


def test_a_derived_context_has_everything_but_the_idempotency_key():
    context = MContext(*(option for option, _ in OPTIONS))
    before = context.query()
    derived = context.derive(manipulate.mctx_opt_page(3, 10))
    assert derived.query() == Query(
        **{f.name: getattr(before, f.name) for f in fields(Query)}
        | {"page": 3, "idempotency_key": ""}
    )
    assert context.query() is before
    key = manipulate.mctx_opt_idempotency_key("other")
    assert context.derive(key).query().idempotency_key == "other"


def test_contexts_are_compared_and_printed():
    option = manipulate.mctx_opt_page(2, 10)
    assert MContext(option) == MContext(option) != MContext()
    assert repr(MContext(option, manipulate.mctx_opt_filter(NAMED))) == (
        '<Context page:2 page_size:10 filter:name == "x" version:0>'
    )


def test_transactions_have_names_of_their_own():
    assert len({manipulate.new_transaction_id() for _ in range(10)}) == 10
