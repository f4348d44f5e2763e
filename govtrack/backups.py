"""A backup of the register on SQLite: one file with the database as of one moment and the folders of files, and the way back.

The file is a tar archive: `database.sqlite3`, `files/<SETTING>/…`, and last `manifest.json` with the SHA-256 of each part.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

DATABASE, MANIFEST, FORMAT = "database.sqlite3", "manifest.json", "govtrack-backup-1"
PATIENCE = 60  # seconds for other processes to let go of the database


class Unusable(Exception):
    """The backup or the restore cannot be done; the text says why."""


class InTheWay(Exception):
    """Something would be overwritten; the text says what."""


def kept_folders() -> dict[str, Path]:
    """The folders of files that belong to the register, by the setting that names each."""
    found = {name: getattr(settings, name, None) for name in settings.KEPT_FOLDERS}
    return {name: Path(folder) for name, folder in found.items() if folder}


def database_file() -> Path:
    """This deployment's own database. Raises Unusable where it is not SQLite's."""
    if connection.vendor != "sqlite":
        raise Unusable(
            "This database is PostgreSQL: back it up with pg_dump or by archiving its log, see docs/running.md."
        )
    return Path(str(connection.settings_dict["NAME"]))


def back_up(file: Path, source: Path, folders: dict[str, Path], force: bool = False) -> dict[str, Any]:
    """Write the backup of `source` and `folders` to `file`, while others go on writing; its manifest.

    Nothing is at `file` before it is whole. Raises InTheWay where there is something already, Unusable where the database is
    damaged.
    """
    if file.exists() and not force:
        raise InTheWay(f"{file} exists. Name another file, or say --force to replace it.")
    if not source.exists():
        raise Unusable(f"There is no database at {source}.")
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=file.parent) as scratch:
        copy, archive = Path(scratch) / DATABASE, Path(scratch) / "archive"
        copy_database(source, copy)
        problems = faults(copy)
        if problems:
            raise Unusable(f"The database is damaged, so no backup was made: {problems[0]}")
        manifest: dict[str, Any] = {"format": FORMAT, "made_at": timezone.now().isoformat(), "parts": {}}
        with open(os.open(archive, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as out:
            with tarfile.open(fileobj=out, mode="w") as tar:
                for name, path in [(DATABASE, copy), *_files(folders)]:
                    # A file that is removed meanwhile is not part of it: what the database says of it stands.
                    with_hash = _add(tar, name, path)
                    if with_hash:
                        manifest["parts"][name] = with_hash
                _add_manifest(tar, manifest)
            out.flush()
            os.fsync(out.fileno())
        archive.replace(file)
    return manifest


def restore(file: Path, target: Path, folders: dict[str, Path], force: bool = False) -> dict[str, Any]:
    """Put the backup's database to `target` and its files into `folders`; its manifest.

    Everything is checked before anything is touched, and the database is replaced in one transaction. Raises Unusable for
    what is no whole backup, InTheWay where a database with tables or a file of another content stands and `force` is not set.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=target.parent) as scratch:
        manifest = _unpack(file, Path(scratch))
        database = Path(scratch) / DATABASE
        problems = faults(database)
        if problems:
            raise Unusable(f"The database in the backup is damaged: {problems[0]}")
        moves = [
            (Path(scratch) / name, _place(name, folders)) for name in manifest["parts"] if name != DATABASE
        ]
        if not force:
            if target.exists() and _holds_tables(target):
                raise InTheWay(f"{target} holds a register. Say --force to replace it by the backup's.")
            for new, place in moves:
                if place.exists() and _hash(place) != _hash(new):
                    raise InTheWay(f"{place} exists with another content. Say --force to replace it.")
        for new, place in moves:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(new, place)
        try:
            copy_database(database, target)
        except sqlite3.OperationalError as error:
            raise Unusable(f"{target} is in use ({error}). Stop the server and the worker first.") from error
    return manifest


def look_at(file: Path) -> dict[str, Any]:
    """The manifest of a backup that is whole and whose database is sound. Raises Unusable."""
    with tempfile.TemporaryDirectory(prefix="govtrack-check-") as scratch:
        manifest = _unpack(file, Path(scratch))
        problems = faults(Path(scratch) / DATABASE)
        if problems:
            raise Unusable(f"The database in the backup is damaged: {problems[0]}")
    return manifest


def copy_database(source: Path, target: Path) -> None:
    """Copy by SQLite's online backup: the copy is of one moment, and who writes meanwhile does not wait."""
    address = f"{source.resolve().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True, timeout=PATIENCE)) as old,
        closing(sqlite3.connect(target, timeout=PATIENCE)) as new,
    ):
        old.backup(new)  # all pages in one step, so that no write restarts it


def faults(database: Path) -> list[str]:
    """What SQLite finds wrong with a database file: its pages, its indexes, and references that lead nowhere."""
    try:
        with closing(sqlite3.connect(database)) as checked:
            found = [row[0] for row in checked.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
            found += [
                f"{row[0]}: row {row[1]} refers to none"
                for row in checked.execute("PRAGMA foreign_key_check")
            ]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return found


def counts(database: Path) -> dict[str, int]:
    """The number of rows of each table."""
    with closing(sqlite3.connect(database)) as counted:
        tables = counted.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        ).fetchall()
        quoted = {name: '"' + name.replace('"', '""') + '"' for (name,) in tables}
        return {
            name: counted.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for name, table in quoted.items()
        }


def _holds_tables(database: Path) -> bool:
    try:
        return bool(counts(database))
    except sqlite3.DatabaseError:
        return True  # not a database, but something


def _files(folders: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    """Every file of the folders with its name in the archive; links are not followed."""
    for setting, folder in folders.items():
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file() and not path.is_symlink():
                yield f"files/{setting}/{path.relative_to(folder).as_posix()}", path


def _add(tar: tarfile.TarFile, name: str, path: Path) -> str:
    """Put the file into the archive; its hash, or nothing when it is not there any more."""
    try:
        source = path.open("rb")
    except FileNotFoundError:
        return ""
    with source:
        member = tarfile.TarInfo(name)
        member.size, member.mode = os.fstat(source.fileno()).st_size, 0o600
        hashing = _Hashing(source)
        tar.addfile(member, hashing)
        return hashing.sum.hexdigest()


class _Hashing:
    """A file whose content is hashed as it is read."""

    def __init__(self, source: Any) -> None:
        self.source, self.sum = source, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece: bytes = self.source.read(size)
        self.sum.update(piece)
        return piece


def _add_manifest(tar: tarfile.TarFile, manifest: dict[str, Any]) -> None:
    text = json.dumps(manifest, indent=1, sort_keys=True).encode()
    member = tarfile.TarInfo(MANIFEST)
    member.size, member.mode = len(text), 0o600
    tar.addfile(member, io.BytesIO(text))


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, "r:") as tar:
            yield tar
    except (tarfile.TarError, EOFError, OSError, ValueError, KeyError, TypeError) as error:
        raise Unusable(f"{file} is no whole backup of a register: {error}") from error


def _unpack(file: Path, scratch: Path) -> dict[str, Any]:
    """Lay the parts into `scratch`, and return the manifest, when all are there and none is changed."""
    found: dict[str, str] = {}
    manifest: dict[str, Any] = {}
    with _opened(file) as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is None or not member.isreg():
                raise Unusable(f"{file} is no backup of a register: {member.name} is no plain file.")
            if member.name == MANIFEST:
                manifest = json.load(content)
                continue
            place = scratch.joinpath(*_parts_of(member.name))
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as out:
                shutil.copyfileobj(content, out)
            found[member.name] = _hash(place)
        if manifest.get("format") != FORMAT or DATABASE not in manifest["parts"]:
            raise Unusable(f"{file} is no whole backup of a register: its manifest is missing.")
    changed = sorted(
        name for name in found | manifest["parts"] if found.get(name) != manifest["parts"].get(name)
    )
    if changed:
        raise Unusable(f"{file} was changed or cut off: {changed[0]} is not what was backed up.")
    return manifest


def _parts_of(name: str) -> list[str]:
    """The way to a member: the database alone, or a file within a setting's folder; `..` leads nowhere. Raises Unusable."""
    parts = name.split("/")
    strange = any(part in ("", ".", "..") for part in parts)
    if name != DATABASE and (strange or parts[0] != "files" or len(parts) < 3):
        raise Unusable(f"This is no backup of a register: {name!r} is no place in one.")
    return parts


def _place(name: str, folders: dict[str, Path]) -> Path:
    """Where a file goes: within its setting's folder, whatever links stand there. Raises Unusable."""
    _top, setting, *path = _parts_of(name)
    if setting not in folders:
        raise Unusable(f"The backup holds files of {setting}, which this deployment does not have.")
    place = folders[setting].joinpath(*path)
    if not place.resolve().is_relative_to(folders[setting].resolve()):
        raise Unusable(f"{place} leads out of {folders[setting]}.")
    return place


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
