"""The ends of terms: kept in step, decided, listed, drawn as a calendar, and reminded of."""
