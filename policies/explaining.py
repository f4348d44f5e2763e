"""How policies and verdicts are put into words: one sentence in the reader's language, with the values used.

A verdict is explained from what was kept with it (`Reason`), so that it reads the same years later and in either language.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext
from django_countries import countries

from figures.formatting import number, won_exact
from policies.verdicts import Verdict
from policies.vocabulary import COUNTRY, FACTS, Fact, Operator, Type

if TYPE_CHECKING:
    from policies.models import Condition

# One phrase for each operator: where the values stand in it differs between languages.
_COMPARISONS = {
    Operator.IS: gettext_lazy("is %(values)s"),
    Operator.IS_NOT: gettext_lazy("is not %(values)s"),
    Operator.ONE_OF: gettext_lazy("is one of %(values)s"),
    Operator.NONE_OF: gettext_lazy("is none of %(values)s"),
    Operator.AT_MOST: gettext_lazy("is at most %(values)s"),
    Operator.LESS_THAN: gettext_lazy("is less than %(values)s"),
    Operator.AT_LEAST: gettext_lazy("is at least %(values)s"),
    Operator.MORE_THAN: gettext_lazy("is more than %(values)s"),
}


@dataclass(frozen=True)
class Reason:
    """A condition with what it found: `truth` is "true", "false" or "unknown"; `known` are the fact's flat columns."""

    group: int
    fact: str
    operator: str
    values: list[Any]
    truth: str
    known: list[Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "group": self.group,
            "fact": self.fact,
            "operator": self.operator,
            "values": self.values,
            "truth": self.truth,
            "known": self.known,
        }


@dataclass
class Names:
    """The names of catalog codes, fetched with one query a registry for everything that a page explains."""

    _wanted: dict[type[models.Model], set[str]] = field(default_factory=lambda: defaultdict(set))
    _known: dict[tuple[type[models.Model], str], str] = field(default_factory=dict)

    def want(self, reasons: Iterable[Reason | Condition]) -> Names:
        for reason in reasons:
            fact = FACTS[reason.fact]
            if fact.registry is not None:
                known = getattr(reason, "known", None) or []
                codes = [
                    *reason.values,
                    *(codes_of(known[0]) if fact.type is Type.SET and known else known[:1]),
                ]
                self._wanted[fact.registry].update(code for code in codes if isinstance(code, str))
        return self

    def of(self, registry: type[models.Model], code: str) -> str:
        if (registry, code) not in self._known:
            self._wanted[registry].add(code)
            rows = registry._default_manager.filter(code__in=self._wanted[registry])
            self._known.update({(registry, wanted): wanted for wanted in self._wanted[registry]})
            self._known.update({(registry, row.code): str(row) for row in rows})  # type: ignore[attr-defined]
        return self._known[registry, code]


def codes_of(column: str) -> list[str]:
    """The codes of a set's text column: `|us|kr|` holds us and kr."""
    return [code for code in (column or "").split("|") if code]


def value_text(fact: Fact, value: Any, names: Names) -> str:
    """One value of a fact, as a reader knows it."""
    if fact.type is Type.YES_NO:
        return pgettext("of a fact", "yes") if value else pgettext("of a fact", "no")
    if fact.type is Type.RANGE:
        if fact.unit == "won":
            return won_exact(value)
        if fact.unit == "months":
            return ngettext("%(count)s month", "%(count)s months", value) % {"count": number(value)}
        return number(value)
    if fact.choices is not None:
        return str(fact.choices(value).label) if value in fact.choices.values else str(value)
    if fact.unit == COUNTRY:
        return str(countries.name(value)) or str(value)
    assert fact.registry is not None
    return names.of(fact.registry, value)


def condition_text(condition: Condition | Reason, names: Names | None = None) -> str:
    """A condition as a phrase: "annual cost is more than ₩50,000,000"."""
    return gettext("%(fact)s %(comparison)s") % {
        "fact": FACTS[condition.fact].label,
        "comparison": comparison_text(condition, names or Names().want([condition])),
    }


def comparison_text(condition: Condition | Reason, names: Names) -> str:
    """What a condition compares with: "is more than ₩50,000,000"."""
    fact, operator = FACTS[condition.fact], Operator(condition.operator)
    if operator is Operator.IS_UNKNOWN:
        return str(operator.label)
    values = [value_text(fact, value, names) for value in condition.values]
    if operator is Operator.WITHIN:
        return gettext("is within %(first)s to %(last)s") % {"first": values[0], "last": values[1]}
    return str(_COMPARISONS[operator]) % {"values": listed(values)}


def listed(values: Sequence[str]) -> str:
    return ", ".join(values)


def known_text(reason: Reason, names: Names) -> str:
    """What is known of the fact that a condition looked at."""
    fact, known = FACTS[reason.fact], reason.known
    if fact.type is Type.RANGE:
        low, high = known
        if low is None:
            return gettext("not known")
        if low == high:
            return value_text(fact, low, names)
        if high is None:
            return gettext("at least %(amount)s") % {"amount": value_text(fact, low, names)}
        return gettext("between %(low)s and %(high)s") % {
            "low": value_text(fact, low, names),
            "high": value_text(fact, high, names),
        }
    if fact.type is Type.SET:
        codes, complete = codes_of(known[0]), known[1]
        found = listed([value_text(fact, code, names) for code in codes])
        if complete:
            return found or gettext("none")
        return gettext("%(found)s and perhaps others") % {"found": found} if found else gettext("not known")
    return gettext("not known") if known[0] is None else value_text(fact, known[0], names)


def deciding(reasons: Sequence[Reason], verdict: str) -> list[Reason]:
    """The reasons that make a verdict what it is.

    A violation: every true condition. A pass: the conditions of the first group in which all are false. Undetermined: the
    unknown conditions of the groups that no condition settles.
    """
    groups: dict[int, list[Reason]] = defaultdict(list)
    for reason in reasons:
        groups[reason.group].append(reason)
    if verdict == Verdict.PASS:
        return next((g for g in groups.values() if all(r.truth == "false" for r in g)), [])
    if verdict == Verdict.VIOLATION:
        return [reason for reason in reasons if reason.truth == "true"]
    open_groups = [g for g in groups.values() if all(r.truth != "true" for r in g)]
    return [reason for group in open_groups for reason in group if reason.truth == "unknown"]


def explanation(verdict: str, reasons: Sequence[Reason], names: Names | None = None) -> str:
    """One sentence that says why, before waivers: verdict is "violation", "pass" or "undetermined"."""
    names = names or Names().want(reasons)
    chosen = deciding(reasons, verdict)
    if verdict == Verdict.UNDETERMINED:
        facts = listed(list(dict.fromkeys(str(FACTS[reason.fact].label) for reason in chosen)))
        return gettext("It cannot be decided, because this is not known: %(facts)s.") % {"facts": facts}
    parts = [
        gettext("%(fact)s is %(known)s (forbidden when it %(comparison)s)")
        % {
            "fact": FACTS[reason.fact].label,
            "known": known_text(reason, names),
            "comparison": comparison_text(reason, names),
        }
        for reason in chosen
    ]
    if verdict == Verdict.VIOLATION:
        return gettext("It violates the policy – %(reasons)s.") % {"reasons": "; ".join(parts)}
    return gettext("It complies with the policy – %(reasons)s.") % {"reasons": "; ".join(parts)}
