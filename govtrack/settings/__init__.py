"""Settings: `base` is shared; `demo`, `testing` and `production` are the three ways to run."""
