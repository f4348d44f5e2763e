"""Where a reader goes back to after a small act: the page that they came from, if it is one of this site."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def way_back(request: HttpRequest, otherwise: str) -> str:
    """The path in `next`; `otherwise` where that is none of this site. Never the name of a view, as `redirect` would take it."""
    address = request.POST.get("next", "")
    here = url_has_allowed_host_and_scheme(address, allowed_hosts={request.get_host()})
    return address if here and address.startswith("/") else otherwise
