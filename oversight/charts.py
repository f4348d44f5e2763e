"""The bar chart of spending by agency, as the data that the page's script draws."""

from typing import Any

from django.utils.translation import gettext

from oversight.spending import Row


def spending_chart(rows: list[Row]) -> dict[str, Any]:
    """One bar for each government in the table's order; an unknown figure is drawn as the word for it, not as zero."""
    return {
        "labels": [str(row.agency.short) for row in rows],
        "unit": "won",
        "horizontal": True,
        "datasets": [
            {
                "label": gettext("Stated spending"),
                "data": [row.spending.shown for row in rows],
                "unknown": [
                    False if row.spending.is_known else str(row.spending.standing.label) for row in rows
                ],
            }
        ],
    }
