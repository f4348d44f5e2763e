"""The WSGI application, on the production settings unless DJANGO_SETTINGS_MODULE says otherwise."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "govtrack.settings.production")

application = get_wsgi_application()

# What is loaded by now stays. Looking through it again while a page makes eleven thousand rows would double the page's time.
gc.collect()
gc.freeze()
