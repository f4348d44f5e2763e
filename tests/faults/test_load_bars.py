"""What `python -m benchmarks.load` calls missed; the run itself belongs to `make audit`."""

from typing import Any

import pytest

from benchmarks.load import missed, summary
from benchmarks.users import Done, Load

MB = 1024 * 1024


def found(failed: int = 0, slow: int = 0, grown: int = 0, unsound: tuple[str, ...] = ()) -> dict[str, Any]:
    """A hundred requests in a minute, of which so many failed or were slow, and workers that grew by so many MB of 200."""
    done = [
        Done("list", number % 10 < 3, 500 if number < failed else 200, 0.9 if number < slow else 0.1)
        for number in range(100)
    ]
    memory = [(float(at), (200 + grown * (at > 30)) * MB) for at in range(0, 61, 2)]
    return {**summary(Load(done, memory)), "unsound": list(unsound)}


def test_all_is_well() -> None:
    measured = found(slow=3, grown=10)
    assert missed(measured) == []
    assert (measured["writes"], round(measured["growth"], 3)) == (0.3, 0.05)
    assert measured["all"]["count"] == 100


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"failed": 1}, "1 requests failed"),
        ({"slow": 8}, "95 % of requests took up to 900 ms"),
        ({"grown": 21}, "memory grew by 10.5%"),
        ({"unsound": ("a write is lost",)}, "a write is lost"),
    ],
)
def test_what_is_missed(wrong: dict[str, Any], told: str) -> None:
    lines = missed(found(**wrong))
    assert len(lines) == 1
    assert told in lines[0]
