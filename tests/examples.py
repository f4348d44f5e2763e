"""How many generated examples a property test tries: few in every run, many in the long one (`make test-long`)."""

import os

from hypothesis import HealthCheck, settings

# The long run's number. It replaces each test's own where that is smaller.
MANY = int(os.environ.get("EXAMPLES", "0"))


def examples(few: int, share: int = 1) -> settings:
    """Hypothesis's settings for a test whose fixtures last for all examples, each of which undoes what it did.

    A test whose one example tries several things at once takes one part in `share` of the long run's number.
    """
    return settings(
        max_examples=max(few, MANY // share),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
