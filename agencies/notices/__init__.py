"""What people are told: texts, departments, pages, preferences, and the daily e-mail."""
