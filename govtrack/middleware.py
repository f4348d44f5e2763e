"""Middleware: the site kept apart from others, the reader's language, and pages that no shared cache keeps."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_cache_control, patch_vary_headers

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# What no page here asks of the reader's machine, so that nothing planted in one can. Only names that browsers know: they complain
# of others.
NOT_ALLOWED = (
    "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "geolocation", "gyroscope", "hid",
    "magnetometer", "microphone", "midi", "payment", "picture-in-picture", "screen-wake-lock", "serial", "usb",
    "xr-spatial-tracking",
)  # fmt: skip
PERMISSIONS = ", ".join(f"{feature}=()" for feature in NOT_ALLOWED)


def kept_apart(get_response: GetResponse) -> GetResponse:
    """Tell browsers that no other site may load what is here, what pages may not do, and where to report to."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = PERMISSIONS
        response.headers["Reporting-Endpoints"] = 'csp="/csp-reports/"'
        return response

    return middleware


def language_from_cookie(get_response: GetResponse) -> GetResponse:
    """Serve each page in the language of the language cookie, else in Korean.

    Django's own LocaleMiddleware would follow the browser's Accept-Language, which on many Korean office machines
    is English.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        try:
            language = translation.get_supported_language_variant(
                request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, settings.LANGUAGE_CODE)
            )
        except LookupError:
            language = settings.LANGUAGE_CODE
        # Activated and left so: an export is still being written after this returns.
        translation.activate(language)
        request.LANGUAGE_CODE = language
        response = get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ["Cookie"])
        return response

    return middleware


def private_pages(get_response: GetResponse) -> GetResponse:
    """Keep what a signed-in user sees out of shared caches and off the disk of a shared computer."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            patch_cache_control(response, private=True, no_store=True)
        return response

    return middleware
