"""How often one reader may ask for what costs much: pages that compute at length, and files."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from limits import RateLimitItem, parse
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

GetResponse = Callable[[HttpRequest], HttpResponseBase]


@cache
def limiter(address: str) -> FixedWindowRateLimiter:
    """The counter kept at this address: `memory://` is this process's own."""
    storage = storage_from_string(address)
    assert isinstance(storage, Storage)
    return FixedWindowRateLimiter(storage)


def seconds_to_wait(limit: str, *who: str) -> int:
    """Count one more attempt by `who` against `limit` ("30/minute"); 0 when it may go on, else after how many seconds."""
    counter, item = limiter(settings.LIMITS_STORAGE), _parsed(limit)
    if counter.hit(item, *who):
        return 0
    return max(1, math.ceil(counter.get_window_stats(item, *who).reset_time - time.time()))


@cache
def _parsed(limit: str) -> RateLimitItem:
    return parse(limit)
