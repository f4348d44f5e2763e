"""Every style sheet finds its images and fonts once files carry their hash, and none of them points elsewhere."""

import re

from django.contrib.staticfiles.finders import find
from django.core.management import call_command


def test_all_files_are_collected_under_their_hash(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    storage = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": storage}
    call_command(
        "collectstatic", interactive=False, verbosity=0
    )  # raises where a file that is referred to is missing
    assert (tmp_path / "staticfiles.json").exists()


def test_no_style_sheet_or_script_of_the_site_loads_from_another_host(settings):
    loads = re.compile(r"""(?:url\(|@import|\bimport\s|fetch\(|src\s*=)\s*["']?((?:https?:)?//[^"')\s]+)""")
    folder = settings.BASE_DIR / "govtrack" / "static"
    found = {
        str(file.relative_to(folder)): loads.findall(file.read_text())
        for file in sorted(folder.rglob("*"))
        if file.suffix in (".css", ".js")
    }
    assert find("vendor/krds/css/component/output.css")
    assert {name: addresses for name, addresses in found.items() if addresses} == {}
