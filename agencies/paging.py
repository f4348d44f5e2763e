"""Tables on pages: ordered and paged as the address asks; a page that is not there is not found."""

from django.core.paginator import InvalidPage
from django.http import Http404, HttpRequest
from django_tables2 import RequestConfig, Table


class MissingPage(Http404):
    """A list has no page of the number asked for; the message says so in the reader's language."""


def configure(request: HttpRequest, table: Table, per_page: int) -> None:
    """Order and page a table by the address's query. Raises MissingPage."""
    RequestConfig(request, paginate=False).configure(table)
    try:
        table.paginate(page=request.GET.get(table.prefixed_page_field, 1), per_page=per_page)
    except InvalidPage as error:
        raise MissingPage(str(error)) from error
