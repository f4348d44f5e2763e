"""What befalls an account: a forgotten password, a new address, and what its owner is told; attempts counted by all processes."""

from __future__ import annotations

import datetime
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from allauth.core import ratelimit
from allauth.core.internal import ratelimit as counting
from allauth.mfa.totp.internal.auth import TOTP
from django.core import mail
from django.core.cache import cache, caches
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from agencies.models import Notice, User
from agencies.notice_models import Delivery, DepartmentContact, NoticePreferences
from agencies.notices.digests import IN_DOUBT_AFTER, NEWS_FOR, make_digests
from agencies.signing_in import passwords, telling
from audit.models import Event
from govtrack.settings.base import shared_cache
from tests.agencies.test_signing_in import PASSWORD, code, sign_in, with_password

KEY = "JBSWY3DPEHPK3PXP"
NEW = "an even longer word"
FORGOTTEN = "/accounts/password/forgotten/"


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    cache.clear()


@pytest.fixture
def jeju(make_user: Any) -> User:
    return with_password(make_user("administrator", "KR-49", username="jeju", email="jeju@agency.example"))


def work() -> None:
    """What the worker does with what waits for it."""
    does = {"send_links": passwords.send_links, "send_at_once": telling.send_at_once}
    for waiting in DBTaskResult.objects.order_by("enqueued_at"):
        does[waiting.task_path.rpartition(".")[2]].func(*waiting.args_kwargs["args"])
        waiting.delete()


def asked(who: str, **extra: Any) -> tuple[Any, list[Any]]:
    """The answer to somebody who asks for a link, and what the worker is given."""
    answer = Client().post(FORGOTTEN, {"who": who}, **extra)
    given = [
        result.args_kwargs["args"][:1] for result in DBTaskResult.objects.filter(task_path__endswith="links")
    ]
    return answer, given


def link_sent() -> str:
    work()
    found = re.search(r"http://127\.0\.0\.1:8000(\S+/password/new/\S+)", mail.outbox[-1].body)
    assert found
    return found[1]


def keys(user: User) -> list[str]:
    return list(Notice.objects.filter(recipient=user).order_by("pk").values_list("key", flat=True))


def test_a_forgotten_password(jeju: User) -> None:
    NoticePreferences.objects.create(user=jeju, language="en")
    TOTP.activate(jeju, KEY)
    elsewhere = Client()
    answer = sign_in(client=elsewhere)
    elsewhere.post(answer["Location"], {"code": code()})
    assert elsewhere.get("/").status_code == 200
    answer, given = asked("JEJU@agency.example", REMOTE_ADDR="203.0.113.9")
    assert (answer["Location"], given) == (f"{FORGOTTEN}sent/", [[[jeju.pk]]])
    link = link_sent()
    assert "works once, and for 60 minutes" in mail.outbox[-1].body
    client = Client()
    form = client.get(link)["Location"]
    assert client.get(form)["Referrer-Policy"] == "no-referrer"
    weak = client.post(form, {"new_password1": "12345", "new_password2": "12345"})
    assert weak.status_code == 200
    done = client.post(form, {"new_password1": NEW, "new_password2": NEW})
    assert done["Location"] == "/accounts/login/"
    assert (client.get("/").status_code, elsewhere.get("/").status_code) == (302, 302)
    for again in (Client().get(link), client.get(form)):
        assert (again.status_code, again.context["validlink"]) == (200, False)
    assert sign_in().status_code == 200
    assert sign_in(password=NEW)["Location"].startswith("/accounts/second-factor/authenticate/")
    work()
    assert (keys(jeju)[-1], mail.outbox[-1].to) == ("account.password", ["jeju@agency.example"])
    kept = Event.objects.filter(kind__startswith="password", about="jeju").order_by("pk")
    assert list(kept.values_list("kind", "after"))[-2:] == [
        ("password_link", {"link": "sent"}),
        ("password", {}),
    ]
    assert Event.objects.get(after__link="sent").address == "203.0.113.9"  # from where it was asked for


def test_the_link_ends(settings: Any, jeju: User) -> None:
    asked("jeju")
    link = link_sent()
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert not Client().get(link).context["validlink"]
    settings.PASSWORD_RESET_TIMEOUT = 3600
    jeju.is_active = False
    jeju.save()
    assert not Client().get(link).context["validlink"]


def test_nothing_tells_whether_there_is_an_account(
    jeju: User, make_user: Any, django_assert_num_queries: Any
) -> None:
    """The same page after the same statements; the worker, whom nobody sees, knows."""
    make_user("approver", "KR-49", username="without", email="without@agency.example")  # no password
    closed = with_password(make_user("approver", "KR-49", username="closed", email="closed@agency.example"))
    closed.is_active = False
    closed.save()
    silent = with_password(make_user("approver", "KR-49", username="silent"))
    seen = set()
    for who in ("jeju", "nobody", "closed", "silent"):
        with django_assert_num_queries(4):
            answer, _given = asked(who)
        seen.add((answer.status_code, answer["Location"], answer.content))
    assert len(seen) == 1
    told = Event.objects.filter(kind="password_link", after__link="asked for").order_by("pk")
    assert list(told.values_list("about", "after__accounts")) == [
        ("jeju", ["jeju"]),
        ("", []),
        ("", []),
        ("silent", ["silent"]),
    ]
    asked("JEJU@agency.example", REMOTE_ADDR="203.0.113.9")
    assert (told.last().about, told.last().address) == ("jeju", "203.0.113.9")
    assert asked("x")[1] == [[[jeju.pk]], [[]], [[]], [[silent.pk]], [[jeju.pk]], [[]]]
    work()
    assert [message.to for message in mail.outbox] == [["jeju@agency.example"]] * 2
    asked("without")
    work()
    assert "/password/new/" not in mail.outbox[-1].body


def test_asking_for_links_is_limited(settings: Any, jeju: User) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"reset_password": "5/h/ip,2/h/key"}
    answers = [asked("jeju", REMOTE_ADDR=f"10.0.0.{n}")[0].status_code for n in range(3)]
    assert answers == [302, 302, 429]
    assert asked("JEJU", REMOTE_ADDR="10.0.0.9")[0].status_code == 429
    answers = [asked(f"name-{n}", REMOTE_ADDR="10.0.0.77")[0].status_code for n in range(6)]
    assert answers == [302] * 5 + [429]


def test_without_e_mail_the_page_says_so(settings: Any, jeju: User) -> None:
    settings.EMAIL_IS_SENT = False
    page = Client().get(FORGOTTEN)
    assert page.context["form"] is None
    assert asked("jeju")[1] == []


def test_a_new_password_ends_the_other_sessions(jeju: User) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        sign_in(client=client)
    old = here.session.session_key
    changed = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert here.post("/accounts/password/", changed).status_code == 302
    assert (here.get("/").status_code, there.get("/").status_code) == (200, 302)
    assert here.session.session_key != old
    assert len(here.get("/accounts/sessions/").context["sessions"]) == 1
    assert keys(jeju) == ["account.password"]


def test_guesses_at_the_old_password_are_attempts(settings: Any, jeju: User) -> None:
    """Whoever found a session open guesses no more often there than at the door; the trail and the owner hear of it."""
    client = Client()
    sign_in(client=client)
    guess = {"old_password": "x", "new_password1": NEW, "new_password2": NEW}
    page = client.post("/accounts/password/", guess)
    assert list(page.context["form"].errors) == ["old_password"]
    told = Event.objects.latest("pk")
    assert (told.kind, told.about, told.after) == ("sign_in_failed", "jeju", {"account": "known"})
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/m/key"}
    for _number in range(3):
        client.post("/accounts/password/", guess)
    refused = client.post("/accounts/password/", {**guess, "old_password": PASSWORD})
    assert list(refused.context["form"].errors) == ["old_password"]
    assert sign_in().status_code == 200
    cache.clear()
    sign_in()
    assert keys(jeju) == ["account.after-failures"]
    assert client.post("/accounts/password/", {**guess, "old_password": PASSWORD}).status_code == 302


def test_a_password_that_somebody_else_sets(jeju: User, signed_in: Any) -> None:
    theirs = Client()
    sign_in(client=theirs)
    given = {"usable_password": "true", "password1": NEW, "password2": NEW}
    done = signed_in("sysadmin").post(f"/admin/agencies/user/{jeju.pk}/password/", given)
    assert (done.status_code, theirs.get("/").status_code, keys(jeju)) == (302, 302, ["account.password"])
    assert sign_in(password=NEW).status_code == 302


def test_people_are_told_of_their_account(jeju: User, django_capture_on_commit_callbacks: Any) -> None:
    """By a notice and an e-mail each; not of what they do as always."""
    home, away = {"HTTP_USER_AGENT": "Firefox/1", "REMOTE_ADDR": "10.1.1.7"}, {"REMOTE_ADDR": "10.9.9.9"}
    sign_in(**home)
    sign_in(
        **{**home, "HTTP_USER_AGENT": "Firefox/2", "REMOTE_ADDR": "10.1.1.99"}
    )  # updated, at the next desk
    assert keys(jeju) == []
    sign_in(**away)
    sign_in(**away)
    assert keys(jeju) == ["account.new-place"]
    for _number in range(2):
        sign_in(password="x")
    sign_in(**home)
    for _number in range(3):
        sign_in(password="x")
    client = Client()
    sign_in(client=client, **home)
    assert keys(jeju)[1:] == ["account.after-failures"]
    address = "/accounts/e-mail/"
    assert client.post(address, {"email": "not one"}).status_code == 200
    assert client.post(address, {"email": "new@agency.example"}).status_code == 302
    client.get("/accounts/second-factor/totp/activate/")
    key = client.get("/accounts/second-factor/totp/activate/").context["form"].secret
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/accounts/second-factor/totp/activate/", {"code": code(key)})
        client.post("/accounts/second-factor/recovery-codes/generate/")
    client.post("/accounts/second-factor/totp/deactivate/")
    done = ["account.email", "account.factor-added", "account.codes", "account.factor-removed"]
    assert keys(jeju)[2:] == done
    work()
    assert [message.to[0].split("@")[0] for message in mail.outbox] == ["jeju"] * 3 + ["new"] * 3
    assert set(Notice.objects.values_list("mail", flat=True)) == {"taken"}
    texts = client.get("/notices/").content.decode()
    assert "10.9.9.9" not in texts
    NoticePreferences.objects.update_or_create(user=jeju, defaults={"not_by_email": ["security"]})
    jeju.refresh_from_db()
    telling.tell_of(jeju, "account.password")
    work()
    assert mail.outbox[-1].to == ["new@agency.example"]


def test_what_the_worker_does_not_send_goes_with_the_digest(jeju: User) -> None:
    telling.tell_of(jeju, "account.password")
    assert [delivery.address for delivery in make_digests(timezone.localdate())] == ["jeju@agency.example"]
    work()
    assert mail.outbox == []


def test_the_old_address_is_told_though_the_server_is_away(
    jeju: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the account now, and has read it, does not keep it from whoever had it."""
    client = Client()
    sign_in(client=client)
    client.post("/accounts/e-mail/", {"email": "thief@agency.example"})
    Notice.objects.create(recipient=jeju, key="x")
    with monkeypatch.context() as patch:
        patch.setattr(telling, "send", lambda *told: (_ for _ in ()).throw(OSError("away")))
        with pytest.raises(OSError, match="away"):
            work()
    Notice.objects.update(read_at=timezone.now())
    Notice.objects.create(recipient=jeju, key="x")
    made = [
        (delivery.address, delivery.recipient, delivery.notice_count)
        for delivery in make_digests(timezone.localdate())
    ]
    assert made == [("jeju@agency.example", jeju, 1), ("thief@agency.example", jeju, 1)]


def test_old_news_is_not_sent_to_an_old_address(settings: Any, jeju: User) -> None:
    """Neither what happened while no e-mail was sent, nor what was read long ago."""
    settings.EMAIL_IS_SENT = False
    telling.tell_of(jeju, "account.password")
    settings.EMAIL_IS_SENT = True
    for _number in range(2):
        telling.tell_of(jeju, "account.new-place")
    read, unread = Notice.objects.filter(mail="waiting").order_by("pk")
    old = timezone.now() - NEWS_FOR
    Notice.objects.filter(pk=read.pk).update(read_at=old, created_at=old)
    Notice.objects.filter(pk=unread.pk).update(created_at=old)
    assert [delivery.notice_count for delivery in make_digests(timezone.localdate())] == [1]
    told = Notice.objects.order_by("pk").values_list("key", "mail")
    assert list(told) == [
        ("account.password", "skipped"),
        ("account.new-place", "skipped"),
        ("account.new-place", "taken"),
    ]
    assert "account.password" in keys(jeju)


def test_what_was_queued_before_notices_kept_an_address_goes_to_it(
    jeju: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks of the version before wait with the address; what fails goes there with the digest."""
    sent, failed = (Notice.objects.create(recipient=jeju, key="account.email") for _number in range(2))
    telling.send_at_once.func(sent.pk, "old@agency.example")
    assert mail.outbox[-1].to == ["old@agency.example"]
    monkeypatch.setattr(telling, "send", lambda *told: (_ for _ in ()).throw(OSError("away")))
    with pytest.raises(OSError, match="away"):
        telling.send_at_once.func(failed.pk, "old@agency.example")
    assert [delivery.address for delivery in make_digests(timezone.localdate())] == ["old@agency.example"]


@pytest.mark.django_db(transaction=True)
def test_an_e_mail_is_sent_outside_of_any_transaction(jeju: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite nobody could write while the server takes its time. Killed meanwhile, it goes with a digest, after a while."""
    telling.tell_of(jeju, "account.password")

    def killed(*_told: Any) -> None:
        assert not connection.in_atomic_block
        raise KeyboardInterrupt

    monkeypatch.setattr(telling, "send", killed)
    with pytest.raises(KeyboardInterrupt):
        work()
    telling.send_at_once.func(Notice.objects.get().pk)
    assert make_digests(timezone.localdate()) == []
    Notice.objects.update(mail_tried_at=timezone.now() - IN_DOUBT_AFTER * 2)
    assert [delivery.address for delivery in make_digests(timezone.localdate())] == ["jeju@agency.example"]


def test_an_address_that_somebody_typed_opens_no_notices_of_others(jeju: User, make_user: Any) -> None:
    """Nobody proves that an address is theirs: whoever shares one, or says so, reads their own notices alone."""
    it = DepartmentContact.objects.create(
        agency=jeju.memberships.get().agency, department="IT", email="it@agency.example"
    )
    mallory = make_user("committee_member", "KR-11", email="JEJU@agency.example")
    for day, told in enumerate([{"recipient": jeju}, {"contact": it}]):
        Notice.objects.create(recipient=mallory, key="x", url="/own/")
        Notice.objects.create(**told, key="x", url="/theirs/")
        made = make_digests(timezone.localdate() + datetime.timedelta(days=day))
        assert {delivery.address for delivery in made} == {mallory.email.lower()}
        seen = Delivery.objects.readable_by(mallory).values_list("recipient", "contact", "notice_count")
        assert list(seen) == [(mallory.pk, None, 1)] * (day + 1)
        assert not [mail for mail in Delivery.objects.readable_by(mallory) if "/theirs/" in mail.body]
        User.objects.filter(pk=mallory.pk).update(email="it@agency.example")
        mallory.refresh_from_db()


# --- counting -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def table(transactional_db: None, settings: Any) -> Iterator[DatabaseCache]:
    """The table of a deployment, which the migration makes; three wrong attempts are let through."""
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/m/key"}
    described = shared_cache("database://")
    found = DatabaseCache(described["LOCATION"], described)
    found.clear()
    yield found
    found.clear()


def counted_at_once(monkeypatch: pytest.MonkeyPatch, stores: list[Any]) -> int:
    """How many of the attempts that all begin at once, each with its store, are let through."""
    through: list[bool] = []
    start = threading.Barrier(len(stores))

    class Here(threading.local):
        store: Any = None

    here = Here()

    class Chosen:
        def __getattr__(self, name: str) -> Any:
            return getattr(here.store, name)

    monkeypatch.setattr(counting, "cache", Chosen())

    def attempt(store: Any) -> None:
        here.store = store
        request = RequestFactory().post("/", REMOTE_ADDR="10.0.0.1")
        start.wait()
        try:
            through.append(ratelimit.consume(request, action="login_failed", key="jeju"))
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt, args=[store]) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(through)


@contextmanager
def unlocked(_key: str) -> Iterator[bool]:
    yield True


@pytest.mark.skipif(
    "connection.vendor == 'sqlite'", reason="only on PostgreSQL: SQLite has one writer at a time"
)
def test_attempts_are_counted_by_all_processes_together(
    table: DatabaseCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each thread has a connection of its own, as a process has."""
    assert counted_at_once(monkeypatch, [table] * 8) == 3


def test_each_process_by_itself_counts_too_little(
    table: DatabaseCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: memory of one's own lets the same attempts through in every process; one table does not."""
    alone = [LocMemCache(f"process {n}", {}) for n in range(4)]
    assert counted_at_once(monkeypatch, alone) == 4
    assert counted_at_once(monkeypatch, [table] * 4) == 3


@pytest.mark.skipif(
    "connection.vendor == 'sqlite'", reason="only on PostgreSQL: SQLite has one writer at a time"
)
def test_without_the_lock_attempts_are_lost(table: DatabaseCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: everybody reads before anybody writes."""
    monkeypatch.setattr(counting, "cache_lock", unlocked)
    everybody = threading.Barrier(8)

    class Slow(DatabaseCache):
        def get(self, *args: Any, **kwargs: Any) -> Any:
            found = super().get(*args, **kwargs)
            everybody.wait()
            return found

    described = shared_cache("database://")
    assert counted_at_once(monkeypatch, [Slow(described["LOCATION"], described)] * 8) == 8


def test_no_page_writes_what_is_counted(
    settings: Any, signed_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither reading nor recording touches the shared cache: only signing in does."""
    touched: list[str] = []

    class Watched(LocMemCache):
        def add(self, key: Any, *args: Any, **kwargs: Any) -> bool:
            touched.append(key)
            return super().add(key, *args, **kwargs)

        def set(self, key: Any, *args: Any, **kwargs: Any) -> None:
            touched.append(key)
            super().set(key, *args, **kwargs)

    client = signed_in("sysadmin")
    monkeypatch.setattr(caches._connections, "default", Watched("watched", {}), raising=False)  # type: ignore[attr-defined]
    for path in ("/", "/subscriptions/", "/people/", "/audit/", "/notices/"):
        assert client.get(path).status_code == 200
    assert touched == []
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/m/key"}
    sign_in(password="x")
    assert touched != []
