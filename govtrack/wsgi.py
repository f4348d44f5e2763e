"""The WSGI application, on the production settings unless DJANGO_SETTINGS_MODULE says otherwise."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "govtrack.settings.production")

application = get_wsgi_application()

from govtrack.query_limits import limit_queries  # noqa: E402  (settings must be there first)

limit_queries()
# What is loaded by now stays. Looking through it again while a page makes eleven thousand rows would double the page's time.
gc.collect()
gc.freeze()
