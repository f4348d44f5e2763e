"""How people sign in, prove who they are, and are signed out again. Built on django-allauth."""
