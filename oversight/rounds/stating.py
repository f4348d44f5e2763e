"""What the answers of a round state: each agency's figures, those of all together, and who uses which tool."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.translation import gettext, ngettext

from agencies.models import Agency
from catalog.models import Product
from figures.figure import Figure
from figures.formatting import amount_text, number
from figures.interval import round_half_up
from figures.standing import Qualifier
from oversight.round_models import Answer, Return, Round, RoundAgency
from oversight.rounds.records import Records
from oversight.rounds.returning import frozen, people_gaps, spending_gaps
from sources.models import Source, Statement

Measure = Statement.Measure
PREFIXES = {
    Measure.SPENDING: "S",
    Measure.USERS: "U",
    Measure.DISTINCT_PROGRAMS: "P",
    Measure.GOVERNMENTS_SUBSCRIBING: "G",
}


@dataclass(frozen=True)
class Line:
    """One statement to be: of the agency that answered so, or of `members` together (or, with `each`, of each)."""

    measure: Measure
    figure: Figure
    members: Sequence[int]
    agency: Agency | None = None
    filed: Return | None = None
    records: Records | None = None
    product: Product | None = None
    each: bool = False

    @property
    def is_money(self) -> bool:
        return self.measure == Measure.SPENDING

    def text(self) -> str:
        """What it says, in the language that is active."""
        amount = amount_text(self.figure, self.is_money, in_full=True)
        if self.agency is not None:
            name = str(self.agency.name)
            if self.filed is not None and self.filed.answer == Answer.NIL:
                return gettext("%(agency)s filed a nil return: none.") % {"agency": name}
            if self.filed is not None and self.filed.answer == Answer.CANNOT_SAY:
                category = Return.Category(self.filed.category).label
                return gettext("%(agency)s cannot say: %(reason)s") % {"agency": name, "reason": category}
            return gettext("%(agency)s confirmed what is recorded: %(amount)s.") % {
                "agency": name,
                "amount": amount,
            }
        count = len(self.members)
        if self.each:
            text = ngettext(
                "%(count)s agency confirmed that it subscribes to %(tool)s.",
                "%(count)s agencies confirmed that they subscribe to %(tool)s.",
                count,
            )
            return text % {"count": number(count), "tool": str(self.product)}
        return ngettext(
            "All together, of %(count)s agency that gave a figure: %(amount)s.",
            "All together, of %(count)s agencies that gave a figure: %(amount)s.",
            count,
        ) % {"count": number(count), "amount": amount}

    def note(self) -> str:
        """The reason why an agency cannot say, or what its figures leave out."""
        if self.filed is not None and self.filed.answer == Answer.CANNOT_SAY:
            return self.filed.reason
        if self.records is None:
            return ""
        said = []
        if self.is_money:
            said = spending_gaps(self.records)
        elif self.measure == Measure.USERS:
            said = people_gaps(self.records)
        if self.records.without:
            without = gettext("Without the %(count)s agencies below it that answered for themselves.")
            said = [*said, without % {"count": number(self.records.without)}]
        return " ".join(said)


def lines_of(asked: Sequence[RoundAgency]) -> list[Line]:
    """What the answers state. Whoever has not answered is in none of it.

    `asked` come with their agency and latest return. Raises ValidationError for a return that is not what was filed any more.
    """
    own: list[Line] = []
    programs: dict[str, list[int]] = defaultdict(list)
    answering: list[int] = []
    for row in asked:
        if row.current is None:
            continue
        filed, agency = row.current, row.agency
        filed.asked = row
        if not filed.is_intact or (records := frozen(filed)) is None:
            raise ValidationError(
                gettext(
                    "The return of %(agency)s is not what was filed: somebody has changed it in the database. The agency has to"
                    " file it again before the round can be closed."
                )
                % {"agency": agency},
                code="not_intact",
            )
        if filed.answer == Answer.CANNOT_SAY:
            missing = Figure.missing(filed.standing)
            given = dict.fromkeys((Measure.SPENDING, Measure.USERS, Measure.DISTINCT_PROGRAMS), missing)
        else:
            given = {
                Measure.SPENDING: records.spending,
                Measure.USERS: records.people,
                Measure.DISTINCT_PROGRAMS: records.tools,
            }
            answering.append(agency.pk)
            for code in records.programs:
                programs[code].append(agency.pk)
        own += [Line(m, figure, [agency.pk], agency, filed, records) for m, figure in given.items()]
    return [*_together(own, answering, programs), *own]


def _together(own: Sequence[Line], answering: list[int], programs: dict[str, list[int]]) -> Iterator[Line]:
    """Sums over those whose figure is known; of one agency alone there is nothing to add up."""
    for measure in (Measure.SPENDING, Measure.USERS):
        known = [line for line in own if line.measure == measure and line.figure.is_known]
        if len(known) > 1:
            exact = all(line.figure.qualifier == Qualifier.EXACT for line in known)
            value = sum(round_half_up(line.figure.value or 0) for line in known)
            qualifier = Qualifier.EXACT if exact else Qualifier.AT_LEAST
            yield Line(measure, Figure.stated(value, 1, qualifier), [line.members[0] for line in known])
    if len(answering) < 2:
        return
    yield Line(Measure.DISTINCT_PROGRAMS, Figure.stated(len(programs)), answering)
    subscribing = {agency for agencies in programs.values() for agency in agencies}
    yield Line(Measure.GOVERNMENTS_SUBSCRIBING, Figure.stated(len(subscribing)), answering)
    products = Product.objects.in_bulk(programs, field_name="code")
    for code in sorted(programs):
        product, agencies = products.get(code), programs[code]
        if product is None:
            continue
        figure = Figure.stated(len(agencies))
        yield Line(Measure.GOVERNMENTS_SUBSCRIBING, figure, answering, product=product)
        # Who they are: a figure of all together does not tell.
        one = Figure.stated(1)
        yield Line(Measure.GOVERNMENTS_SUBSCRIBING, one, agencies, product=product, each=True)


def statements_from(
    lines: Sequence[Line], source: Source, round_: Round
) -> list[tuple[Statement, Sequence[int]]]:
    """The statements, not saved yet, each with the ids of its members."""
    words: dict[str, list[tuple[str, str]]] = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            words[language] = [(line.text(), line.note()) for line in lines]
    numbers: dict[Measure, int] = defaultdict(int)
    found = []
    for line, (text_ko, note_ko), (text_en, note_en) in zip(lines, words["ko"], words["en"], strict=True):
        numbers[line.measure] += 1
        value = None if line.figure.value is None else round_half_up(line.figure.value)
        statement = Statement(
            source=source,
            code=f"{PREFIXES[line.measure]}{numbers[line.measure]}",
            reading=Statement.Reading.EACH if line.each else Statement.Reading.TOGETHER,
            product=line.product,
            measure=line.measure,
            period_from=round_.period_from,
            period_until=round_.period_until,
            standing=line.figure.standing,
            value=value,
            qualifier=line.figure.qualifier,
            text_ko=text_ko,
            text_en=text_en,
            note_ko=note_ko,
            note_en=note_en,
        )
        found.append((statement, line.members))
    return found
