"""Pages of budgets: those of a year, one with what is committed, paid and left of it, and the forms that keep it."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods

from agencies.choosing import AgencyField
from agencies.models import Agency, Role, User
from agencies.paging import configure
from agencies.signed_in import SignedInRequest
from figures.entry import FigureField
from figures.formatting import day, figure_html, total_text, won_exact
from subscriptions import budgets
from subscriptions.budgets import Account
from subscriptions.models import Budget
from subscriptions.money_models import FIRST_YEAR, LARGEST_BUDGET, LAST_YEAR
from subscriptions.tables import NOWRAP, NUMBER
from subscriptions.today import today

PAGE_SIZE = 50


def years() -> list[tuple[str, str]]:
    """From five years ago to the one after next."""
    this = today().year
    return [(str(year), str(year)) for year in range(this + 2, this - 6, -1)]


class YearForm(forms.Form):
    """Which year, and of which agency with all below it."""

    year = forms.ChoiceField(label=gettext_lazy("Year"), required=False)
    agency = AgencyField(label=gettext_lazy("Agency and all below"), required=False)

    def __init__(self, data: QueryDict, *, by: User) -> None:
        asked = data.copy()
        for name, value in self.usual().items():  # what counts where nothing is asked is shown as chosen
            asked.setdefault(name, value)
        super().__init__(asked)
        self.fields["year"].choices = years()  # type: ignore[attr-defined]
        self.fields["agency"].offer(Agency.objects.visible_to(by))  # type: ignore[attr-defined]

    @staticmethod
    def usual() -> dict[str, str]:
        return {"year": str(today().year)}

    @property
    def chosen_year(self) -> int:
        return int(self.cleaned_data.get("year") or today().year)

    @property
    def in_use(self) -> int:
        if not self.is_valid():
            return 0
        usual = self.usual()
        return sum(1 for name, value in self.cleaned_data.items() if value and value != usual.get(name))


class BudgetTable(tables.Table):
    """Agencies with their accounts of a year, each by itself."""

    agency = tables.Column(verbose_name=gettext_lazy("Agency"), orderable=False, empty_values=())
    budget = tables.Column(
        verbose_name=gettext_lazy("Budget"), attrs=NUMBER, orderable=False, empty_values=()
    )
    committed = tables.Column(
        verbose_name=gettext_lazy("Committed"), attrs=NUMBER, orderable=False, empty_values=()
    )
    paid = tables.Column(verbose_name=gettext_lazy("Paid"), attrs=NUMBER, orderable=False, empty_values=())
    left = tables.Column(verbose_name=gettext_lazy("Left"), attrs=NUMBER, orderable=False, empty_values=())
    lasts = tables.Column(verbose_name=gettext_lazy("Lasts"), attrs=NOWRAP, orderable=False, empty_values=())

    class Meta:
        template_name = "krds/table.html"

    def __init__(self, data: Any, year: int, **kwargs: Any) -> None:
        self.year, self.accounts = year, dict[int, Account]()
        super().__init__(data, attrs={"caption": _("Budgets of %(year)s") % {"year": year}}, **kwargs)

    def know(self, user: User) -> None:
        """Fetch the accounts of the page's rows."""
        self.accounts = budgets.accounts(
            user, [row.record for row in self.paginated_rows], self.year, today()
        )

    def render_agency(self, record: Agency) -> SafeString:
        url = reverse("subscriptions:budget", args=[record.code, self.year])
        return format_html('<a href="{}">{}</a>', url, record.short)

    def render_budget(self, record: Agency) -> str:
        return budget_text(self.accounts[record.pk])

    def render_committed(self, record: Agency) -> str:
        return total_text(self.accounts[record.pk].committed)

    def render_paid(self, record: Agency) -> str:
        return total_text(self.accounts[record.pk].paid)

    def render_left(self, record: Agency) -> SafeString | str:
        left = self.accounts[record.pk].left
        return _("Not given") if left is None else figure_html(left)

    def render_lasts(self, record: Agency) -> str:
        return lasts_text(self.accounts[record.pk], self.year)


def budget_text(account: Account) -> str:
    """A budget with how many agencies that spend have none recorded."""
    if not account.budget.given:
        return _("Not given")
    if account.lacking:
        return ngettext(
            "%(won)s; not given of %(count)s agency that spends",
            "%(won)s; not given of %(count)s agencies that spend",
            account.lacking,
        ) % {
            "won": won_exact(account.budget.known.value or 0),
            "count": account.lacking,
        }
    return won_exact(account.budget.known.value or 0)


def lasts_text(account: Account, year: int) -> str:
    """How long a budget lasts at today's rate, in words."""
    if account.left is None:
        return _("Not given")
    if (account.left.value or 0) < 0:
        return _("Used up")
    if year < today().year:
        return _("The year is over")
    if account.never:
        return _("The whole year, as far as is known") if account.bound else _("The whole year")
    if account.lasts_until is None:
        return _("Not given")
    text = _("Until %(day)s at the latest") if account.bound else _("Until %(day)s")
    return text % {"day": day(account.lasts_until)}


@require_GET
def budget_list(request: SignedInRequest) -> HttpResponse:
    """The agencies in sight that have a budget of the year or a subscription that runs in it."""
    form = YearForm(request.GET, by=request.user)
    year, agencies = today().year, Agency.objects.none()
    if form.is_valid():
        year = form.chosen_year
        agencies = Agency.objects.visible_to(request.user)
        if form.cleaned_data.get("agency"):
            agencies = agencies.within(form.cleaned_data["agency"])
        agencies = agencies.filter(budgets.spending_agencies(request.user, year, today())).order_by("path")
    table = BudgetTable(agencies, year)
    configure(request, table, PAGE_SIZE)
    if table.page.paginator.count:
        table.know(request.user)
    context = {
        "form": form,
        "table": table,
        "year": year,
        "may_record": request.user.has_role(Role.ADMINISTRATOR),
        "as_of": timezone.now(),
    }
    return render(request, "subscriptions/budget_list.html", context)


# --- one budget -------------------------------------------------------------------------------------------------------


def _agency(request: SignedInRequest, code: str) -> Agency:
    return get_object_or_404(Agency.objects.visible_to(request.user), code=code)


def _budget(request: SignedInRequest, code: str, year: int) -> Budget:
    rows = Budget.objects.visible_to(request.user).select_related("agency")
    return get_object_or_404(rows, agency__code=code, year=year)


@require_GET
def budget_page(request: SignedInRequest, code: str, year: int) -> HttpResponse:
    """What an agency has in a year, by itself and with all below it; also where no budget is recorded."""
    agency = _agency(request, code)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Http404
    on = today()
    budget = Budget.objects.filter(agency=agency, year=year).select_related("recorded_by").first()
    sides = [(_("By itself"), budgets.accounts(request.user, [agency], year, on)[agency.pk])]
    below = Agency.objects.visible_to(request.user).filter(parent=agency).exists()
    if below:
        together = budgets.accounts(request.user, [agency], year, on, below=True)[agency.pk]
        sides.append((_("With all below it"), together))
    rows = [
        (_("Budget"), [budget_text(account) for _title, account in sides]),
        (_("Committed in the year"), [total_text(account.committed) for _title, account in sides]),
        (_("Paid in the year"), [total_text(account.paid) for _title, account in sides]),
        (_("Left after what was paid"), [_figure(account.left) for _title, account in sides]),
        (_("Left after what is committed"), [_figure(account.uncommitted) for _title, account in sides]),
        (_("Annual cost today"), [total_text(account.today) for _title, account in sides]),
        (_("Lasts at today's rate"), [lasts_text(account, year) for _title, account in sides]),
    ]
    history = Budget.history.filter(agency_id=agency.pk, year=year).select_related("history_user")
    context = {
        "agency": agency,
        "year": year,
        "budget": budget,
        "titles": [title for title, _account in sides],
        "rows": rows,
        "below": below,
        "history": [
            {
                "when": entry.history_date,
                "who": entry.history_user,
                "what": {"+": _("Recorded"), "~": _("Corrected"), "-": _("Removed")}[entry.history_type],
                "text": " ".join(filter(None, [won_exact(entry.won), entry.note])),
            }
            for entry in history.order_by("-history_id")[:50]
        ],
        "may_change": budgets.may_budget_at(request.user, agency),
        "others": [other for other in (year - 1, year + 1) if str(other) in dict(years())],
        "on": on,
    }
    return render(request, "subscriptions/budget.html", context)


def _figure(figure: Any) -> SafeString | str:
    return _("Not given") if figure is None else figure_html(figure, in_full=True)


class BudgetForm(forms.Form):
    """The amount of a budget and where it comes from."""

    won = FigureField(
        label=gettext_lazy("Amount in won"),
        smallest=0,
        help_text=gettext_lazy(
            "For AI subscriptions in the calendar year, VAT included. Not that of agencies below."
        ),
    )
    note = forms.CharField(
        label=gettext_lazy("Where it comes from"),
        max_length=300,
        required=False,
        help_text=gettext_lazy("Such as the page of the budget book, or the date of a supplementary budget."),
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def clean_won(self) -> int | None:
        won = self.cleaned_data["won"]
        if won is not None and won > LARGEST_BUDGET:
            raise forms.ValidationError(_("This amount is too large to be right."))
        return won


class NewBudgetForm(BudgetForm):
    agency = AgencyField(label=gettext_lazy("Agency"))
    year = forms.TypedChoiceField(label=gettext_lazy("Year"), coerce=int)
    field_order = ["agency", "year", "won", "note"]

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["year"].choices = years()  # type: ignore[attr-defined]
        self.fields["agency"].offer(Agency.objects.visible_to(by, Role.ADMINISTRATOR))  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
def enter_budget(request: SignedInRequest) -> HttpResponse:
    if not request.user.has_role(Role.ADMINISTRATOR):
        raise PermissionDenied
    own = list(request.user.memberships.filter(role=Role.ADMINISTRATOR).select_related("agency")[:2])
    initial = {
        "year": request.GET.get("year") or today().year,
        "agency": request.GET.get("agency") or (own[0].agency.code if len(own) == 1 else None),
    }
    form = NewBudgetForm(request.POST or None, by=request.user, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        budget = Budget(agency=data["agency"], year=data["year"], won=data["won"], note=data["note"])
        try:
            budgets.enter(budget, by=request.user)
        except IntegrityError:
            there = Budget.objects.get(agency=data["agency"], year=data["year"])
            if (there.won, there.note, there.recorded_by_id) == (budget.won, budget.note, request.user.pk):
                messages.info(request, _("This form was sent before. Nothing was doubled."))
                return redirect(there)
            form.add_error("year", _("This agency has a budget of this year already. Correct that one."))
        else:
            messages.success(request, _("Saved."))
            return redirect(budget)
    return _form_page(request, form, _("Enter a budget"), reverse("subscriptions:budgets"))


@require_http_methods(["GET", "POST"])
def correct_budget(request: SignedInRequest, code: str, year: int) -> HttpResponse:
    budget = _budget(request, code, year)
    if not budgets.may_budget_at(request.user, budget.agency):
        raise PermissionDenied
    before = {"won": budget.won, "note": budget.note, "version": budget.version}
    form = BudgetForm(request.POST or None, initial=before)
    stale = None
    if request.method == "POST" and form.is_valid():
        budget.won, budget.note = form.cleaned_data["won"], form.cleaned_data["note"]
        try:
            budgets.correct(budget, by=request.user, version=form.cleaned_data["version"] or 0)
        except budgets.StaleBudget as changed:
            if changed.current is None:
                messages.error(request, _("Somebody has removed this budget meanwhile. Nothing was changed."))
                return redirect("subscriptions:budget", code, year)
            stale = _stale(request, changed.current, form)
        else:
            messages.success(request, _("Saved."))
            return redirect(budget)
    title = _("Correct the budget of %(agency)s of %(year)s") % {"agency": budget.agency.short, "year": year}
    return _form_page(request, form, title, budget.get_absolute_url(), stale)


def _stale(request: HttpRequest, current: Budget, form: BudgetForm) -> dict[str, Any]:
    latest = current.history.select_related("history_user").first()
    sent = request.POST.copy()
    sent["version"] = str(current.version)
    form.data = sent
    sides = {
        _("Amount in won"): (won_exact(current.won), won_exact(form.cleaned_data["won"])),
        _("Where it comes from"): (current.note or "–", form.cleaned_data["note"] or "–"),
    }
    return {
        "by": str(latest.history_user) if latest and latest.history_user else _("Somebody"),
        "at": date_format(timezone.localtime(latest.history_date), "DATETIME_FORMAT") if latest else "",
        "changes": [
            {"label": label, "before": "–", "theirs": theirs, "mine": mine}
            for label, (theirs, mine) in sides.items()
            if theirs != mine
        ],
    }


class RemoveForm(forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)


@require_http_methods(["GET", "POST"])
def remove_budget(request: SignedInRequest, code: str, year: int) -> HttpResponse:
    budget = _budget(request, code, year)
    if not budgets.may_budget_at(request.user, budget.agency):
        raise PermissionDenied
    form = RemoveForm(request.POST or None, initial={"version": budget.version})
    if request.method == "POST" and form.is_valid():
        try:
            budgets.remove(budget, by=request.user, version=form.cleaned_data["version"] or 0)
        except budgets.StaleBudget as changed:
            again = request.POST.copy()
            again["version"] = str(changed.current.version if changed.current else 0)
            form.data = again
            form.add_error(
                None, _("Somebody has changed this budget meanwhile. Look at it, and press again.")
            )
        else:
            messages.success(request, _("Removed. Its history is kept."))
            return redirect("subscriptions:budget", code, year)
    return render(
        request,
        "krds/confirm.html",
        {
            "title": _("Remove the budget of %(agency)s of %(year)s")
            % {"agency": budget.agency.short, "year": year},
            "text": _("Only for one that was recorded in error: what is left of it is then not given."),
            "items": [won_exact(budget.won)],
            "form": form,
            "submit_text": _("Remove"),
            "cancel_url": budget.get_absolute_url(),
            "danger": True,
        },
    )


def _form_page(
    request: HttpRequest, form: BudgetForm, title: str, back: str, stale: Any = None
) -> HttpResponse:
    context = {"form": form, "title": title, "cancel_url": back, "stale": stale}
    return render(request, "subscriptions/budget_form.html", context)
