"""Collection rounds: agencies are asked, confirm what is recorded of them, and the answers become a source of statements."""
