"""The home page (what needs the reader's attention, the key figures, the latest decisions), and the page of what is not there."""

import sys

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from agencies.paging import MissingPage
from agencies.signed_in import SignedInRequest
from govtrack import csp_reports as reports
from govtrack.logs import number
from govtrack.outages import Outage, outage_of
from oversight.attention import attention, recent_decisions
from oversight.key_figures import home_cards
from oversight.recorded import recorded_in_sight
from oversight.spending import stated_sums
from oversight.stated import default_source

RETRY_AFTER = "10"  # seconds after which an outage may be over


@require_GET
def home(request: SignedInRequest) -> HttpResponse:
    user, on = request.user, timezone.localdate()
    source = default_source()
    spent, used = stated_sums(source, on)
    return render(
        request,
        "home.html",
        {
            "attention": attention(user, on),
            "key_figures": home_cards(spent, used, recorded_in_sight(user, on)),
            "decisions": recent_decisions(user),
            "source": source,
            "as_of": timezone.now(),
        },
    )


@csrf_exempt  # the browser sends it by itself, without a form
@login_not_required
@require_POST
def csp_reports(request: HttpRequest) -> HttpResponse:
    return reports.receive(request)


def too_many_attempts(request: HttpRequest) -> HttpResponse:
    """What django-allauth answers when somebody tries to sign in too often."""
    return render(request, "429.html", {"signing_in": True}, status=429)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What is not there or out of sight; of a list without the page asked for, it leads to the first one."""
    return render(request, "404.html", {"missing_page": isinstance(exception, MissingPage)}, status=404)


# The others ask neither who the reader is nor the database: that may be what failed.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django took for no proper request, or for the reader's fault when it could not write their session."""
    if outage := outage_of(exception):
        return _out(outage)
    return HttpResponse(render_to_string("400.html", {"request_number": number()}), status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Something broke, in the register or in what it stands on; the log has it under the number that the page tells."""
    outage = outage_of(sys.exc_info()[1])
    if outage is None:
        return HttpResponse(render_to_string("500.html", {"request_number": number()}), status=500)
    return _out(outage)


def _out(outage: Outage) -> HttpResponse:
    page = render_to_string("outage.html", {"request_number": number(), "outage": outage.value})
    return HttpResponse(page, status=503, headers={"Retry-After": RETRY_AFTER})
