"""``python -m benchmarks [TOPIC…] [--quick] [--json FILE]``."""

import argparse
import signal
import sys
from pathlib import Path

from benchmarks import (
    bench_attack,
    bench_encoding,
    bench_pipeline,
    bench_push,
    bench_rest,
    bench_sessions,
    bench_startup,
)
from benchmarks.figures import show, write

TOPICS = {
    "startup": bench_startup.run,
    "encoding": bench_encoding.run,
    "pipeline": bench_pipeline.run,
    "rest": bench_rest.run,
    "push": bench_push.run,
    "sessions": bench_sessions.run,
    "attack": bench_attack.run,
}


def main() -> int:
    """Measure, print, and return 0 whatever was reached: the figures are for reading."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("topic", nargs="*", choices=[*TOPICS, []], help="all, without one")
    parser.add_argument("--quick", action="store_true", help="less than 50 seconds, and noisier")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the servers must end, too
    figures = []
    for topic in given.topic or TOPICS:
        for figure in TOPICS[topic](is_quick=given.quick):
            figures.append(figure)
            show([figure])
            sys.stdout.flush()
    if given.json:
        write(given.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
