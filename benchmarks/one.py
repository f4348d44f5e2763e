"""Measures one register, after filling it where asked: `python -m benchmarks.one SIZE RUNS PART-OF-NAME [seed]`.

Progress goes to the standard error, the result as JSON to the standard output.
"""

from __future__ import annotations

import json
import sys
import time

import django


def main() -> None:
    size, runs, only, *seed = sys.argv[1:]
    django.setup()
    from benchmarks import measuring, seeding

    if seed:
        started = time.monotonic()
        seeding.seed(int(size), say)
        say(f"seeded in {time.monotonic() - started:.0f} s")
    json.dump(measuring.measure(int(runs), only, say), sys.stdout)


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
