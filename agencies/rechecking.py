"""How a change on the left reaches the verdicts on the right: a row is written here, and one registered hook drains it."""

from __future__ import annotations

from collections.abc import Callable

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

_hooks: list[Callable[[], None]] = []


def register(drain: Callable[[], None]) -> None:
    """Name the function that drains the pending re-checks; the app that judges registers its own when it is ready."""
    if drain not in _hooks:
        _hooks.append(drain)


def announce() -> None:
    """Have the pending re-checks drained right after this transaction commits. What fails stays pending for the next run."""
    for drain in _hooks:
        transaction.on_commit(drain, robust=True)


class Recheck(models.Model):
    """Verdicts that a change has made stale: written in that change's transaction, drained by `subscriptions`."""

    class About(models.TextChoices):
        AGENCY = "agency", _("Agency")
        VENDOR = "vendor", _("Vendor")
        PRODUCT = "product", _("Product")
        POLICY = "policy", _("Policy")
        WAIVER = "waiver", _("Waiver")
        EXCHANGE_RATE = "exchange_rate", _("Exchange rate")
        EVERYTHING = "everything", _("Everything")

    about = models.CharField(_("about"), max_length=20, choices=About)
    code = models.CharField(_("code"), max_length=100)
    asked_at = models.DateTimeField(_("asked at"), default=timezone.now)

    class Meta:
        verbose_name = _("pending re-check")
        verbose_name_plural = _("pending re-checks")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.get_about_display()} {self.code}"

    @classmethod
    def ask(cls, about: About, code: str) -> Recheck:
        """Note that everything that depends on the thing `code` must be judged anew, and say so after the commit."""
        recheck = cls.objects.create(about=about, code=code)
        announce()
        return recheck
