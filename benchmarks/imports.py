"""Measures the import of a file of subscriptions, tried first and then kept.

`python -m benchmarks.imports ROWS` works in the database that DATABASE_URL names, and changes it: give it a copy.
Progress goes to the standard error, the result as JSON to the standard output.
"""

from __future__ import annotations

import csv
import io
import json
import random
import resource
import subprocess
import sys
import time
from typing import Any

import django

# NetBox's CSV import takes 85 to 95 rows a second; this register's is to take 2,000.
ROWS_A_SECOND = 2_000
HEADER = [
    "기관코드", "AI 도구", "플랜", "계약번호", "시작일", "종료일", "담당부서", "사용 목적", "데이터 등급", "개인정보", "자동갱신",
    "지급 경로", "좌석 수", "1인당 월 이용료(원)", "VAT",
]  # fmt: skip
# Vendors sell by list prices, and agencies buy round numbers more often than others.
PRICES = (12_000, 20_000, 25_000, 29_000, 30_000, 35_000, 38_000, 42_000, 60_000, 82_500, 99_000, 275_000)
SEATS = (1, 1, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 10, 10, 12, 15, 20, 25, 30, 40, 50, 70, 100, 150)


def main() -> None:
    rows = int(sys.argv[1])
    django.setup()
    if len(sys.argv) > 2:
        json.dump(one(sys.argv[2], sys.argv[3] == "trial"), sys.stdout)
        return
    json.dump(measure(rows), sys.stdout)


def measure(rows: int) -> list[dict[str, Any]]:
    """Each import in a process of its own, for its memory: a trial, the import, and the same file once more."""
    import tempfile

    results = []
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        write_file(rows, file.name)
        for name, how in (("trial", "trial"), ("import", "keep"), ("import of the same file again", "keep")):
            command = [sys.executable, "-m", "benchmarks.imports", str(rows), file.name, how]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            result = {"name": f"{name}, {rows:,} rows", **json.loads(done.stdout)}
            results.append(result)
            say(f"{result['name']}: {result['ms']:,.0f} ms, {result['note']}")
    return results


def one(path: str, trial: bool) -> dict[str, Any]:
    from pathlib import Path

    from agencies.models import User
    from benchmarks.seeding import PROVINCE
    from subscriptions.importing.running import run
    from subscriptions.models import Status

    data = Path(path).read_bytes()
    by = User.objects.get(username=PROVINCE)
    started = time.perf_counter()
    report = run(data, "bench.csv", by, new_as=Status.ACTIVE, trial=trial)
    seconds = time.perf_counter() - started
    assert not report.errors, report.problems[:3]
    rows = report.new + report.changed + report.left
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    note = (
        f"{rows / seconds:,.0f} rows a second, {megabytes:.0f} MB; {report.new:,} new, {report.left:,} left,"
        f" {report.verdicts_in_all:,} verdicts that do not pass"
    )
    return {
        "ms": seconds * 1000,
        "megabytes": megabytes,
        "per_second": rows / seconds,
        "note": note,
        "bar": rows / ROWS_A_SECOND * 1000,
    }


def write_file(rows: int, path: str) -> None:
    """Subscriptions of the agencies below one province, each a row with its price."""
    from agencies.models import Agency
    from catalog.models import Product

    rng = random.Random(rows)
    agencies = list(Agency.objects.filter(path__within="KR/KR-48/").values_list("code", flat=True))
    products = list(Product.objects.values_list("name_ko", flat=True))
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(HEADER)
    for number in range(rows):
        year, month = rng.choice((2024, 2025)), rng.randint(1, 12)
        writer.writerow(
            [
                rng.choice(agencies), rng.choice(products), rng.choice(["", "Team", "Enterprise"]), f"C-{number:06}",
                f"{year}-{month:02}-01", f"{year + 2}.{month}.28", rng.choice(["정보화담당관", "총무과", "기획예산과", ""]),
                f"민원 답변 초안 작성 {number}", rng.choice(["공개", "민감", ""]), rng.choice(["예", "아니오", ""]),
                rng.choice(["Y", "N", ""]), rng.choice(["계약", "관용카드", ""]), rng.choice(SEATS),
                f"{rng.choice(PRICES):,}", rng.choice(["포함", "별도", ""]),
            ]
        )  # fmt: skip
    with open(path, "wb") as file:
        file.write(buffer.getvalue().encode("cp949"))


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
