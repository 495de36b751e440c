"""Labels as other programs and people write them, as one table."""
