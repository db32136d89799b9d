"""Token buckets, on a clock of our own."""

import pytest
from bahamut._kit.bucket import Bucket

INFINITY = float("inf")


@pytest.mark.parametrize(
    ("limit", "burst", "steps"),
    [
        # each step: the moment, and how long a caller would have to wait
        (1, 2, [(0, 0), (0, 0), (0, 1), (0.5, 0.5), (1, 0), (1, 1)]),
        (2, 1, [(0, 0), (0, 0.5), (0.5, 0), (100, 0), (100, 0.5)]),
        (0.25, 1, [(0, 0), (0, 4), (3, 1), (4, 0)]),
        (0, 1, [(0, 0), (10, INFINITY)]),
        (1, 0, [(0, INFINITY), (10, INFINITY)]),
    ],
)
def test_a_bucket_fills_up_to_its_burst(
    limit: float, burst: int, steps: list[tuple[float, float]]
) -> None:
    now = [0.0]
    bucket = Bucket(limit, burst, lambda: now[0])
    waits = []
    for moment, _ in steps:
        now[0] = moment
        waits.append(bucket.take())
    assert waits == [wait for _, wait in steps]
