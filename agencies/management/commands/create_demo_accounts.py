"""`manage.py create_demo_accounts`: one account for each role that the demonstration shows."""

import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from agencies.models import Agency, Membership, Role, User

# Username, role, code of the agency. The system administrator needs no role.
ACCOUNTS = [
    ("sysadmin", None, None),
    ("officer", Role.POLICY_OFFICER, "KR"),
    ("officer2", Role.POLICY_OFFICER, "KR"),
    ("jeju", Role.ADMINISTRATOR, "KR-49"),
    ("jeju-approver", Role.APPROVER, "KR-49"),
    ("seoul", Role.ADMINISTRATOR, "KR-11"),
    ("committee", Role.COMMITTEE_MEMBER, "KR"),
    ("committee-jeju", Role.COMMITTEE_MEMBER, "KR-49"),
]


class Command(BaseCommand):
    help = "Create the demonstration's accounts, with one password from DEMO_PASSWORD or a generated one."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.GOVTRACK_DEMO:
            raise CommandError("Accounts with one shared password are for the demonstration only.")
        kept = settings.DEMO_DIR / "password"
        known = kept.read_text().strip() if kept.exists() else ""
        password = os.environ.get("DEMO_PASSWORD") or known or secrets.token_urlsafe(9)
        with transaction.atomic():
            for username, role, code in ACCOUNTS:
                user, created = User.objects.get_or_create(
                    username=username, defaults={"is_staff": role is None, "is_superuser": role is None}
                )
                if created or password != known:
                    user.set_password(password)
                    user.save(update_fields=["password"])
                if role and code:
                    Membership.objects.get_or_create(user=user, role=role, agency=self.agency(code))
        self.keep(kept, password)
        self.stdout.write(f"accounts: {', '.join(username for username, _role, _code in ACCOUNTS)}")
        self.stdout.write(f"password: {password} (kept in {kept.parent.name}/{kept.name})")

    def agency(self, code: str) -> Agency:
        try:
            return Agency.objects.get(code=code)
        except Agency.DoesNotExist:
            raise CommandError(f"There is no agency {code} yet: load fixtures/agencies.json first.") from None

    def keep(self, file: Path, password: str) -> None:
        """Write the password where only this user of the machine can read it."""
        file.parent.mkdir(mode=0o700, exist_ok=True)
        with open(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as kept:
            kept.write(password + "\n")
