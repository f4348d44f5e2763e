"""How fast pages are on large data: `python -m benchmarks`, or `make bench`; docs/performance.md explains the table."""
