"""The spending explorer: one question, asked once of the database, shown as table, chart, map and files."""
