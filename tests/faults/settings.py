"""The tests' settings for a site of several processes: the folders that they share, and the limits of production."""

import os
from pathlib import Path

from govtrack.settings.testing import *  # noqa: F403
from govtrack.settings.testing import LOGGING

FOLDER = Path(os.environ["FAULTS_FOLDER"])
EXPORTS_DIR, IMPORTS_DIR, ATTACHMENTS_DIR = (FOLDER / name for name in ("exports", "imports", "attachments"))
MEDIA_ROOT = FOLDER / "media"
LOGGING["root"]["level"] = "ERROR"
