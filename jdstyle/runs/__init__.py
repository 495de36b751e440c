"""What a run directory holds, and by which code it was made."""
