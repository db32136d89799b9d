"""filters/: parsing, printing and matching."""

from typing import Any

import pytest
from tests.conformance.tables import rows_filters as given, rules_filters as rules
from tests.conformance.tables.rows_filters import Outcome
from tests.conformance.tables.support import Tally, rows


def judge(tally: Tally, row: dict[str, Any], ours: Outcome, known: Any, *, is_equal: bool) -> None:
    decisions = [lambda row, ours, rule=rule: rule(row, ours) or None for rule in known]
    tally.add(row, ours, ours if is_equal else None, *decisions)


@pytest.mark.parametrize("table", ["parse", "parse_options", "mutated"])
def test_texts_are_understood(table: str) -> None:
    tally = Tally(f"filters/{table}.jsonl")
    for row in rows(tally.name):
        ours = given.parsed(given.text_of(row["text"]), row.get("unsupported"))
        is_equal = given.is_same_parse(row, ours)
        judge(tally, row, ours, rules.PARSE_RULES, is_equal=is_equal)
    tally.close()


def test_filters_are_printed() -> None:
    printing, again = Tally("filters/print.jsonl"), Tally("filters/print.jsonl, parsed again")
    for row in rows(printing.name):
        ours = given.built(row["filter"])
        is_equal = row.get("printed") is not None and ours.printed == row["printed"]
        judge(printing, row, ours, rules.PRINT_RULES, is_equal=is_equal)
        if row.get("reparsed"):
            reparsed = {"text": row["printed"], "case": row["case"], **row["reparsed"]}
            ours = given.parsed(given.text_of(row["printed"]))
            is_equal = given.is_same_parse(reparsed, ours)
            judge(again, reparsed, ours, rules.PARSE_RULES, is_equal=is_equal)
    printing.close()
    again.close()


def test_filters_are_applied() -> None:
    tally = Tally("filters/match.jsonl")
    for row in rows(tally.name):
        ours = rules.matched(row)
        theirs = (row.get("matches"), row.get("error"))
        is_equal = not row.get("panic") and theirs == (ours.matches, ours.error)
        judge(tally, row, ours, rules.MATCH_RULES, is_equal=is_equal)
    tally.close()
