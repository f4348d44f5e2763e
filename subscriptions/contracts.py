"""One contract that several agencies share: the subscriptions with the same number from the same party.

The party is the reseller, or, where none is recorded, the vendor of the tool: it is they who number their contracts. A number
alone does not make a contract, since two resellers may both have a "2026-17".
"""

from __future__ import annotations

from agencies.models import User
from figures.figure import Total
from subscriptions.models import COMMITTED, Status, Subscription, SubscriptionQuerySet
from subscriptions.tables import annual_cost


def has_contract(subscription: Subscription) -> bool:
    return bool(subscription.contract_number)


def of_contract(subscription: Subscription, user: User) -> SubscriptionQuerySet:
    """The subscriptions of the same contract that `user` may see, without void ones; empty when it has no contract number."""
    visible = Subscription.objects.visible_to(user).exclude(status=Status.VOID)
    if not subscription.contract_number:
        return visible.none()
    shared = visible.filter(contract_number=subscription.contract_number, reseller=subscription.reseller)
    if not subscription.reseller:
        shared = shared.filter(product__vendor=subscription.product.vendor_id)
    return shared.select_related("agency", "payer", "product", "facts").order_by("agency__path", "pk")


def annual_total(subscriptions: list[Subscription]) -> Total:
    """The annual cost of those that are approved or active, with what is not known of it."""
    return Total.of(annual_cost(one) for one in subscriptions if one.status in COMMITTED)
