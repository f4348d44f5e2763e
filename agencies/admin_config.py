"""The Django admin as govtrack runs it, named in INSTALLED_APPS."""

from django.contrib.admin.apps import AdminConfig


class GovtrackAdminConfig(AdminConfig):
    default_site = "agencies.admin_site.GovtrackAdminSite"
