"""The WSGI application, on the production settings unless DJANGO_SETTINGS_MODULE says otherwise."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "govtrack.settings.production")

application = get_wsgi_application()

from govtrack.query_limits import limit_queries  # noqa: E402  (settings must be there first)

limit_queries()
