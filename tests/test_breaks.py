"""What is broken on purpose, to see a test fail, is still there to be broken."""

import pytest

from tests import guards, mutate


@pytest.mark.parametrize("breaks", [mutate.breaks, guards.guards])
def test_each_text_stands_exactly_once(breaks):
    every = list(breaks())
    assert [one.name for one in every if (mutate.ROOT / one.file).read_text().count(one.old) != 1] == []
    named = {test.partition("::")[0] for one in every for test in one.tests}
    assert [file for file in sorted(named) if not (mutate.ROOT / file).exists()] == []
    assert len(every) > 40
