"""Every page of the Django admin opens for a system administrator, and its lists cost the same for 30 rows as for one."""

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from subscriptions.models import Subscription
from subscriptions.tally_models import Paid
from tests.admin.rows import MAKERS

OURS = ("agencies", "catalog", "sources", "policies", "subscriptions", "oversight")
# What the register derives, appends or keeps with another row: nobody adds or edits it here.
VIEW_ONLY = {
    "attachment",
    "comment",
    "decidedrecord",
    "handedover",
    "handover",
    "removedattachment",
    "reopening",
    "responsible",
    "struckcomment",
    "agencytotals",
    "approval",
    "condition",
    "decision",
    "delivery",
    "exportjob",
    "facts",
    "factsorigin",
    "fileimport",
    "importedrow",
    "knownheader",
    "upload",
    "writtenrow",
    "finding",
    "findingnote",
    "notice",
    "noticepreferences",
    "policycheck",
    "priceline",
    "recheck",
    "return",
    "round",
    "roundagency",
    "roundclosing",
    "roundevent",
    "renewal",
    "invitation",
    "knownplace",
    "paymentsubmission",
    "registerpricing",
    "snapshot",
}


def address(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_every_model_has_its_admin():
    """Except the tallies, which tell the truth only together with their changes."""
    models = [
        model
        for app in OURS
        for model in apps.get_app_config(app).get_models()
        if not model._meta.model_name.startswith("historical") and not issubclass(model, Paid)
    ]
    assert [model for model in models if not admin.site.is_registered(model)] == []
    assert {model for model in MAKERS if not admin.site.is_registered(model)} == set()
    assert {model for model in models if model not in MAKERS} == set()


def test_what_packages_bring_along_is_at_most_looked_at(rf, sysadmin):
    """A factor or a session that is deleted here would be gone without an event, a notice, or being asked again."""
    request = rf.get("/admin/")
    request.user = sysadmin.user
    written = {
        model
        for model, its_admin in admin.site._registry.items()
        if its_admin.has_add_permission(request)
        or its_admin.has_change_permission(request)
        or its_admin.has_delete_permission(request)
    }
    assert {model for model in written if model._meta.app_label not in OURS} == {Group}
    assert admin.site.get_model_admin(Group).__class__.__module__ == "agencies.admin"


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.__name__)
def test_pages_open(model, language, db, signed_in):
    client = signed_in("sysadmin", language=language)
    row = MAKERS[model](1)
    if model._meta.model_name not in VIEW_ONLY:
        row.save()  # so that there is a history to show
    add = 403 if model._meta.model_name in VIEW_ONLY else 200
    found = {
        "changelist": client.get(address(model, "changelist")).status_code,
        "search": client.get(address(model, "changelist"), {"q": "1"}).status_code,
        "add": client.get(address(model, "add")).status_code,
        "change": client.get(address(model, "change", row.pk)).status_code,
        "history": client.get(address(model, "history", row.pk)).status_code,
    }
    assert found == {"changelist": 200, "search": 200, "add": add, "change": 200, "history": 200}
    if hasattr(model, "history"):
        record = model.history.filter(**{model._meta.pk.attname: row.pk}).first()
        page = client.get(address(model, "simple_history", row.pk, record.pk))
        assert (page.status_code, page.context["fields"] != []) == (200, True)


@pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.__name__)
def test_list_costs_the_same_with_more_rows(model, db, sysadmin):
    MAKERS[model](1)
    sysadmin.get(address(model, "changelist"))  # fills the caches of content types
    with CaptureQueriesContext(
        connection,
    ) as one:
        assert sysadmin.get(address(model, "changelist")).status_code == 200
    for n in range(2, 31):
        MAKERS[model](n)
    with CaptureQueriesContext(connection) as thirty:
        page = sysadmin.get(address(model, "changelist"))
    assert page.context["cl"].result_count >= 30
    assert (len(thirty), model.__name__) == (len(one), model.__name__), [
        query["sql"] for query in thirty.captured_queries
    ]


@pytest.mark.parametrize("model", [m for m in MAKERS if m._meta.model_name in VIEW_ONLY], ids=str)
def test_what_the_register_derives_is_not_edited(model, db, sysadmin):
    row = MAKERS[model](1)
    answers = [
        sysadmin.post(address(model, "change", row.pk), {"status": "x"}).status_code,
        sysadmin.post(address(model, "delete", row.pk), {"post": "yes"}).status_code,
        sysadmin.post(address(model, "add"), {}).status_code,
    ]
    assert (answers, type(row)._base_manager.filter(pk=row.pk).exists()) == ([403, 403, 403], True)


def test_titles_follow_the_language(db, signed_in):
    # Read as the page shows it: a lazy title would follow the test's language.
    shown = {
        language: re.search(
            r'<div id="site-name"><a href="/admin/">(.*?)</a>',
            signed_in("sysadmin", language=language).get("/admin/").content.decode(),
        ).group(1)
        for language in ("ko", "en")
    }
    assert shown == {"ko": "govtrack 시스템 관리", "en": "govtrack administration"}


def test_no_shortcut_tells_of_objects(db, sysadmin):
    """Django's redirect to an object's page names the object to whoever guesses its number."""
    made = MAKERS[Subscription](1)
    kind = ContentType.objects.get_for_model(made)
    assert sysadmin.get(f"/admin/r/{kind.pk}/{made.pk}/").status_code == 404
    page = sysadmin.get(address(Subscription, "change", made.pk))
    assert page.context["absolute_url"] == made.get_absolute_url()
