"""Pages about agencies that other forms ask."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from agencies.choosing import agencies_suggested
from agencies.models import Agency
from agencies.signed_in import SignedInRequest


@require_GET
def options(request: SignedInRequest) -> HttpResponse:
    """Suggestions for a typed agency, out of those that the reader sees; the text comes in any one parameter."""
    text = next((str(value) for value in request.GET.values() if value), "").replace("\0", "")[:100]
    found = agencies_suggested(Agency.objects.visible_to(request.user), text)
    return render(request, "agencies/options.html", {"options": found})
