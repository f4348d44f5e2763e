"""The day that acts are judged on."""

from __future__ import annotations

import datetime

from django.utils import timezone


def today() -> datetime.date:
    """The day that acts are judged on. Checks themselves take their day as an argument."""
    return timezone.localdate()
