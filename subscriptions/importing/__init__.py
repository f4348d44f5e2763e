"""Subscriptions read from files that agencies keep: CSV and XLSX."""
