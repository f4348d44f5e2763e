"""Single sign-on by OpenID Connect: one provider, named in the settings, whose identities are linked to accounts that exist."""
