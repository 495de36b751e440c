"""From a finished product to one with other thresholds."""
