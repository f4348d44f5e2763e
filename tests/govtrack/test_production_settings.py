"""A deployment starts only when its environment is complete and safe, and is told everything that is not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from govtrack.settings import safety
from govtrack.settings.safety import problems

ROOT = Path(__file__).resolve().parents[2]

GOOD = {
    "SECRET_KEY": "Kq7_vT2mXz9LrB4nWc8Yd1Fh6Jp3Sg5Qa0Ue-iOyMtNbVxCwEl",
    "ALLOWED_HOSTS": "register.example, www.register.example",
    "DATABASE_URL": "postgres://db.example/govtrack",
}


def start(code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Load the production settings in a process of their own, with this environment alone; then run `code`."""
    command = f"from django.conf import settings; settings.DEBUG\n{code}"
    kept = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "govtrack.settings.production",
        **environment,
    }
    return subprocess.run(
        [sys.executable, "-c", command], env=kept, capture_output=True, text=True, timeout=60
    )


def complaints(**changes: str) -> list[str]:
    """The lines with which a start is refused, for the good environment with `changes` ("" removes a setting)."""
    started = start(**{name: value for name, value in {**GOOD, **changes}.items() if value})
    if started.returncode == 0:
        return []
    message = started.stderr.split("ImproperlyConfigured: ")[-1]
    assert message.startswith("govtrack does not start:\n"), started.stderr
    return [line.removeprefix("- ").split(":")[0] for line in message.strip().split("\n")[1:]]


def test_a_complete_environment_starts():
    code = "print(settings.ALLOWED_HOSTS, settings.DEBUG, settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE)"
    assert start(code, **GOOD).stdout == "['register.example', 'www.register.example'] False True True\n"


def test_cookies_and_transport():
    """Every cookie bears a name that browsers take from this host alone, over HTTPS; strangers cannot plant one."""
    code = """
kinds = ["SESSION", "CSRF", "LANGUAGE"]
print([getattr(settings, f"{kind}_COOKIE_NAME") for kind in [*kinds, "MESSAGES"]])
print({getattr(settings, f"{kind}_COOKIE_{part}") for kind in kinds for part in ("SECURE", "HTTPONLY")})
print({(getattr(settings, f"{kind}_COOKIE_DOMAIN"), getattr(settings, f"{kind}_COOKIE_PATH")) for kind in kinds})
print({getattr(settings, f"{kind}_COOKIE_SAMESITE") for kind in kinds})
print(settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS)
"""
    assert start(code, **GOOD).stdout.splitlines() == [
        "['__Host-sessionid', '__Host-csrftoken', '__Host-language', '__Host-messages']",
        "{True}",
        "{(None, '/')}",
        "{'Lax'}",
        "True 31536000 True",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"SECRET_KEY": ""}, ["SECRET_KEY is missing"]),
        ({"SECRET_KEY": "short"}, ["SECRET_KEY is too short or too uniform"]),
        ({"SECRET_KEY": "ab" * 30}, ["SECRET_KEY is too short or too uniform"]),
        ({"SECRET_KEY": "django-insecure-" + GOOD["SECRET_KEY"]}, ["SECRET_KEY is a published default"]),
        ({"DEBUG": "true"}, ["DEBUG is on"]),
        ({"DEBUG": "0"}, []),
        ({"ALLOWED_HOSTS": ""}, ["ALLOWED_HOSTS is empty"]),
        ({"ALLOWED_HOSTS": " , "}, ["ALLOWED_HOSTS is empty"]),
        ({"ALLOWED_HOSTS": "register.example,*"}, ["ALLOWED_HOSTS allows every host"]),
        ({"ALLOWED_HOSTS": "register.example,.kr"}, ["ALLOWED_HOSTS allows every host"]),
        ({"DATABASE_URL": ""}, ["DATABASE_URL is missing"]),
        (
            {"SECRET_KEY": "", "DEBUG": "1", "ALLOWED_HOSTS": "", "DATABASE_URL": ""},
            ["SECRET_KEY is missing", "DEBUG is on", "ALLOWED_HOSTS is empty", "DATABASE_URL is missing"],
        ),
        (
            {
                "SECRET_KEY_FALLBACKS": "old",
                "CSRF_TRUSTED_ORIGINS": "http://register.example",
                "DATABASE_URL": "mysql://db.example/govtrack",
                "BEHIND_TLS_PROXY": "ture",
                "SECURE_HSTS_SECONDS": "0",
                "WAIVER_MAX_DAYS": "a year",
                "EMAIL_PORT": "abc",
                "EMAIL_TIMEOUT": "-1",
                "REMINDER_DAYS": "90,x",
                "WAIVER_REMINDER_DAYS": "soon",
                "LIMIT_OF_FILES": "many",
                "LIMITS_STORAGE": "nowhere",
                "EXPORTS_DIR": "staticfiles/exports",
                "ATTACHMENTS_DIR": "staticfiles/attachments",
                "IMPORTS_DIR": "staticfiles",
                "SECOND_FACTOR_REQUIRED": "ture",
                "POLICY_TWO_PERSON_RULE": " ",
                "TRUSTED_PROXY_HOPS": "one",
                "SESSION_IDLE_MINUTES": "0",
                "SESSION_HOURS": "12h",
                "IMPORTS_DAYS": "-1",
                "ATTACHMENT_MAX_MB": "20 MB",
                "LIMIT_OF_PAGES": " ",
                "SITE_URL": "http://register.example",
                "CACHE_URL": "memory://",
                "SSO_ISSUER": "http://sso.example",
                "SSO_CLIENT_ID": "govtrack",
                "SSO_NAME_KO": "통합인증",
            },
            [
                "SECRET_KEY_FALLBACKS holds a key that is too short or too uniform",
                "CSRF_TRUSTED_ORIGINS holds what is no https",
                "DATABASE_URL names no database that govtrack runs on",
                "BEHIND_TLS_PROXY is neither true nor false",
                "SECURE_HSTS_SECONDS is no whole number of 1 to 315360000",
                "WAIVER_MAX_DAYS is no whole number of 1 to 3650",
                "EMAIL_PORT is no whole number of 1 to 65535",
                "EMAIL_TIMEOUT is no whole number of 1 to 600",
                "REMINDER_DAYS holds what is no number of days",
                "WAIVER_REMINDER_DAYS holds what is no number of days",
                "LIMIT_OF_FILES is no limit",
                "LIMITS_STORAGE names no place to count in",
                *(
                    f"{name} lies in the folder that is served to everybody"
                    for name in ("EXPORTS_DIR", "ATTACHMENTS_DIR", "IMPORTS_DIR")
                ),
                "SECOND_FACTOR_REQUIRED is neither true nor false",
                "POLICY_TWO_PERSON_RULE is neither true nor false",
                "TRUSTED_PROXY_HOPS is no whole number of 0 to 10",
                "TRUSTED_PROXY_HOPS is above 0 without a proxy, so everybody could claim any address",
                "SESSION_IDLE_MINUTES is no whole number of 1 to 480",
                "SESSION_HOURS is no whole number of 1 to 24",
                "IMPORTS_DAYS is no whole number of 1 to 365",
                "ATTACHMENT_MAX_MB is no whole number of 1 to 1000",
                "LIMIT_OF_PAGES is no limit",
                "SITE_URL is no https",
                "CACHE_URL names no cache that all processes share, so wrong attempts would be counted by each alone",
                "SSO_CLIENT_SECRET is missing",
                "SSO_NAME_EN is missing",
                "SSO_ISSUER is no https",
            ],
        ),
    ],
)
def test_all_that_is_wrong_is_named_at_once(changes, expected):
    assert sorted(complaints(**changes)) == sorted(expected)


MAIL = {"EMAIL_HOST": "smtp.example", "EMAIL_HOST_PASSWORD": "x"}
SERVED = "the folder that is served to everybody"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"DATABASE_URL": f"sqlite:///{ROOT}/staticfiles/register.sqlite3"},
            f"DATABASE_URL lies in {SERVED}",
        ),
        ({"DATABASE_URL": f"sqlite:///{ROOT}/govtrack/static/x"}, f"DATABASE_URL lies in {SERVED}"),
        ({"DATABASE_URL": f"sqlite:///{ROOT}/govtrack/../staticfiles/x"}, f"DATABASE_URL lies in {SERVED}"),
        ({"DATABASE_URL": f"sqlite:///{ROOT}/register.sqlite3"}, ""),
        ({"ATTACHMENTS_DIR": f"{ROOT}/govtrack/static/files"}, f"ATTACHMENTS_DIR lies in {SERVED}"),
        ({"DATABASE_URL": "sqlite://:memory:"}, "DATABASE_URL names no file"),
        ({"DATABASE_URL": "sqlite://"}, "DATABASE_URL names no file"),
        ({"DATABASE_URL": "sqlite:///file:x?mode=memory"}, "DATABASE_URL names no file"),
        ({"DATABASE_URL": "postgres://db.example:port/govtrack"}, "DATABASE_URL cannot be read"),
        ({"DATABASE_URL": "postgres://db.example/x?sslmode=disable"}, "DATABASE_URL turns TLS off"),
        ({"PGSSLMODE": "disable"}, "DATABASE_URL turns TLS off"),
        ({"DATABASE_URL": "postgres://db.example/x?sslmode=require", "PGSSLMODE": "disable"}, ""),
        ({"DATABASE_URL": "postgres://localhost/x?sslmode=disable"}, ""),
        ({"DATABASE_URL": "postgres://%2Frun%2Fpostgresql/x?sslmode=disable"}, ""),
        ({"TRUSTED_PROXY_HOPS": "3"}, "TRUSTED_PROXY_HOPS is above 0 without a proxy"),
        (MAIL, "EMAIL_HOST_PASSWORD would be sent for everybody to read"),
        (MAIL | {"EMAIL_USE_TLS": "true"}, ""),
        (MAIL | {"EMAIL_USE_SSL": "1"}, ""),
        (MAIL | {"EMAIL_HOST": "localhost"}, ""),
        ({"EMAIL_USE_TLS": "true", "EMAIL_USE_SSL": "on"}, "EMAIL_USE_TLS and EMAIL_USE_SSL are both on"),
        ({"EMAIL_ATTEMPTS": "0"}, "EMAIL_ATTEMPTS is no whole number of 1 to 100"),
        ({"EMAIL_ATTEMPTS": "5", "EMAIL_PORT": "587", "REMINDER_DAYS": "90, 30,7"}, ""),
        ({"SESSION_HOURS": "999999"}, "SESSION_HOURS is no whole number of 1 to 24"),
        ({"SESSION_HOURS": "24", "SESSION_IDLE_MINUTES": "480"}, ""),
        ({"SESSION_IDLE_MINUTES": "481"}, "SESSION_IDLE_MINUTES is no whole number of 1 to 480"),
        (
            {"SECRET_KEY_FALLBACKS": f"{GOOD['SECRET_KEY']}, django-insecure-{GOOD['SECRET_KEY']}"},
            "SECRET_KEY_FALLBACKS holds a published default",
        ),
        ({"SECRET_KEY_FALLBACKS": GOOD["SECRET_KEY"]}, ""),
        ({"CSRF_TRUSTED_ORIGINS": "https://*.go.kr"}, "CSRF_TRUSTED_ORIGINS holds what is no https"),
        ({"CSRF_TRUSTED_ORIGINS": "https://other.register.example"}, ""),
        ({"ALLOWED_HOSTS": ".jeju.kr"}, "ALLOWED_HOSTS allows hosts of others"),
        ({"ALLOWED_HOSTS": ".register.go.kr, .register.example"}, ""),
        ({"SSO_SECOND_FACTOR": "otp,pwd"}, "SSO_SECOND_FACTOR counts a password as a second factor"),
    ],
)
def test_what_looks_set_but_does_not_protect(changes, told):
    """Each by itself; with an empty `told`, what is near it and starts."""
    single = {"SSO_ISSUER": "https://sso.example", "SSO_CLIENT_ID": "x", "SSO_CLIENT_SECRET": "x"}
    single |= {"SSO_NAME_KO": "x", "SSO_NAME_EN": "x"}
    found = list(problems({**GOOD, **(single if "SSO_SECOND_FACTOR" in changes else {}), **changes}))
    assert [problem[: len(told)] for problem in found] == ([told] if told else [])


def test_every_number_and_switch_of_the_environment_is_looked_at_first():
    """Else one that is no number would end the start alone, with what Python says of it."""
    source = "".join(
        (ROOT / "govtrack" / "settings" / f"{name}.py").read_text() for name in ("base", "production")
    )
    numbers = set(re.findall(r'env\.int\(\s*"([A-Z_]+)"', source))
    switches = set(re.findall(r'env\.bool\(\s*"([A-Z_]+)"', source))
    lists = set(re.findall(r'env\.list\(\s*"([A-Z_]+)",\s*cast=int', source))
    assert numbers == set(safety.NUMBERS)
    assert switches == {*safety.SWITCHES, *safety.PROTECTING}
    assert lists == set(safety.LISTS_OF_DAYS)


def test_single_sign_on_and_the_shared_cache_come_from_the_environment():
    code = "print(settings.CACHES['default']['BACKEND'], settings.LIMITS_STORAGE, settings.SSO_ISSUER)"
    given = {"SSO_ISSUER": "https://sso.example", "SSO_CLIENT_ID": "govtrack", "SSO_CLIENT_SECRET": "x"}
    given |= {"SSO_NAME_KO": "통합인증", "SSO_NAME_EN": "Sign-on"}
    assert complaints(**given) == []
    database = "django.core.cache.backends.db.DatabaseCache memory:// https://sso.example\n"
    assert start(code, **GOOD, **given).stdout == database
    redis = "django.core.cache.backends.redis.RedisCache redis://cache.example/0 \n"
    assert start(code, **GOOD, CACHE_URL="redis://cache.example/0").stdout == redis


def test_a_forwarded_header_counts_only_behind_a_proxy():
    code = "print(settings.SECURE_PROXY_SSL_HEADER, settings.ALLAUTH_TRUSTED_PROXY_COUNT)"
    behind = {"BEHIND_TLS_PROXY": "true", "TRUSTED_PROXY_HOPS": "1"}
    assert start(code, **GOOD).stdout == "None 0\n"
    assert start(code, **GOOD, **behind).stdout == "('HTTP_X_FORWARDED_PROTO', 'https') 1\n"


def test_behind_a_proxy_everybody_has_an_address_of_their_own():
    """As the README's example sets it; and an empty limit is none."""
    example = re.findall(r"^    export ([A-Z_]+)=(\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    behind = {"BEHIND_TLS_PROXY": "true", "TRUSTED_PROXY_HOPS": "1"}
    assert behind.items() <= dict(example).items()
    for hops in ({}, {"TRUSTED_PROXY_HOPS": "0"}, {"TRUSTED_PROXY_HOPS": "00"}):
        (told,) = problems({**GOOD, "BEHIND_TLS_PROXY": "true", **hops})
        assert told.startswith("TRUSTED_PROXY_HOPS is 0 behind a proxy")
    for name in ("LIMIT_OF_PAGES", "LIMIT_OF_FILES", "SECOND_FACTOR_REQUIRED", "SITE_URL"):
        (told,) = problems({**GOOD, **behind, name: ""})
        assert told.startswith(f"{name} is n")
    assert list(problems({**GOOD, **behind, "SITE_URL": "https://www.register.example/"})) == []
