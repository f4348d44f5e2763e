"""What a process that was killed has left in the folder of attachments: files that no row tells of, or that somebody removed."""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from subscriptions.models import Attachment

# As `storing` names files, whole or half-written; whatever else somebody laid there is theirs.
OURS = re.compile(r"([0-9a-f]{40})(\.part)?")
AT_ONCE = 500
# Above so many, files without a row may be those of another register: the wrong database, or one of before.
FEW = 20


class Doubtful(Exception):
    """Most of the files have no row in this register; the text says how many."""


def sweep(before: datetime.datetime) -> int:
    """Delete left-overs last written before an instant; how many.

    Raises Doubtful, with nothing deleted that was not removed on purpose, where most files would go.
    """
    removed, strays, known = [], [], 0
    files = _old_files(before)
    while some := list(itertools.islice(files, AT_ONCE)):
        names = {path.name.removesuffix(".part") for path in some}
        rows = dict(Attachment.objects.filter(stored_as__in=names).values_list("stored_as", "removal"))
        for path in some:
            if path.suffix or path.name not in rows:
                strays.append(path)
            elif rows[path.name] is not None:
                removed.append(path)
            else:
                known += 1
    for path in removed:
        path.unlink(missing_ok=True)
    if len(strays) > FEW and len(strays) > known:
        raise Doubtful(
            f"{len(strays)} files in {settings.ATTACHMENTS_DIR} have no row in this register, and {known} have one: "
            "see whether it is the right database. They were left."
        )
    for path in strays:
        path.unlink(missing_ok=True)
    return len(removed) + len(strays)


def _old_files(before: datetime.datetime) -> Iterator[Path]:
    folder = Path(settings.ATTACHMENTS_DIR)
    for path in folder.iterdir() if folder.is_dir() else ():
        is_ours = OURS.fullmatch(path.name) and not path.is_symlink() and path.is_file()
        if is_ours and path.stat().st_mtime < before.timestamp():
            yield path
