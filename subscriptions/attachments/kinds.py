"""What kind of file something is, told by its content alone: its name and what the browser says of it prove nothing."""

from __future__ import annotations

import zipfile
from typing import IO

from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """The files that are taken; the value is also the extension that a file is given."""

    PDF = "pdf", _("PDF")
    PNG = "png", _("PNG image")
    JPEG = "jpg", _("JPEG image")
    WEBP = "webp", _("WebP image")
    DOCX = "docx", _("Word document")
    XLSX = "xlsx", _("Excel workbook")
    PPTX = "pptx", _("PowerPoint presentation")
    HWPX = "hwpx", _("Hangul document (HWPX)")
    HWP = "hwp", _("Hangul document (HWP)")


OFFICE = "application/vnd.openxmlformats-officedocument"
CONTENT_TYPES = {
    Kind.PDF: "application/pdf",
    Kind.PNG: "image/png",
    Kind.JPEG: "image/jpeg",
    Kind.WEBP: "image/webp",
    Kind.DOCX: f"{OFFICE}.wordprocessingml.document",
    Kind.XLSX: f"{OFFICE}.spreadsheetml.sheet",
    Kind.PPTX: f"{OFFICE}.presentationml.presentation",
    Kind.HWPX: "application/hwp+zip",
    Kind.HWP: "application/x-hwp",
}
MAIN_PARTS = {
    "word/document.xml": Kind.DOCX,
    "xl/workbook.xml": Kind.XLSX,
    "ppt/presentation.xml": Kind.PPTX,
}
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
HWP_SIGNATURE = b"HWP Document File"
MOST_PARTS = 10_000


class NotTaken(Exception):
    """The file is none that is taken; the message says why, to the person who sent it."""


def kind_of(file: IO[bytes]) -> Kind:
    """The kind of an open file, which is read from its start. Raises NotTaken."""
    file.seek(0)
    head = file.read(1024)
    if not head:
        raise NotTaken(_("The file is empty."))
    if head.startswith(b"%PDF-"):
        return _pdf(file)
    if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
        return Kind.PNG
    if head.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Kind.WEBP
    if head.startswith(b"PK\x03\x04"):
        return _packed(file)
    if head.startswith(OLE):
        return _ole(file)
    raise NotTaken(
        _("By its content this is none of the kinds of file that are taken: %(kinds)s.")
        % {"kinds": in_words()}
    )


def in_words() -> str:
    """The kinds that are taken, in the reader's language."""
    return ", ".join(str(kind.label) for kind in Kind)


def _pdf(file: IO[bytes]) -> Kind:
    file.seek(0, 2)
    file.seek(max(0, file.tell() - 2048))
    if b"%%EOF" not in file.read():
        raise NotTaken(_("The PDF is not complete."))
    return Kind.PDF


def _packed(file: IO[bytes]) -> Kind:
    """Office files are ZIP archives; only their directory is read, and of a Hangul document its first words."""
    try:
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS:
                raise NotTaken(_("The file is packed in an unusual way."))
            if any(part.flag_bits & 1 for part in parts):
                raise NotTaken(_("The file is locked with a password. Save it without one."))
            names = {part.filename for part in parts}
            if any(name.lower().endswith(("vbaproject.bin", ".vbs", ".exe", ".dll")) for name in names):
                raise NotTaken(_("The file holds macros or programs. Save it without them."))
            if "mimetype" in names:
                with archive.open("mimetype") as part:
                    if part.read(64).strip() == CONTENT_TYPES[Kind.HWPX].encode():
                        return Kind.HWPX
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise NotTaken(_("The file is damaged: it cannot be opened.")) from error
    found = [kind for name, kind in MAIN_PARTS.items() if name in names]
    if "[Content_Types].xml" not in names or len(found) != 1:
        raise NotTaken(
            _("By its content this is none of the kinds of file that are taken: %(kinds)s.")
            % {"kinds": in_words()}
        )
    return found[0]


def _ole(file: IO[bytes]) -> Kind:
    """A Hangul document says so at the start of a sector; whatever else has this form (.doc, .xls, locked files) is not taken."""
    file.seek(0)
    content = file.read()
    at = content.find(HWP_SIGNATURE)
    while at >= 0:
        if at % 64 == 0:
            return Kind.HWP
        at = content.find(HWP_SIGNATURE, at + 1)
    raise NotTaken(
        _(
            "This is an old or locked office file. Save it as .docx, .xlsx, .pptx, .hwp or PDF, without a password."
        )
    )
