"""The project: settings, root URLs and the home page."""
