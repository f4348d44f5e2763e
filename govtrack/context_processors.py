"""What every template knows about the deployment it is shown in."""

from django.conf import settings
from django.http import HttpRequest


def deployment(request: HttpRequest) -> dict[str, bool]:
    """`official_deployment`: a government's own site. `demo`: the login page names the demonstration's accounts."""
    return {"official_deployment": settings.OFFICIAL_DEPLOYMENT, "demo": settings.GOVTRACK_DEMO}
