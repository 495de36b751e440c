"""From prepared records to batches: resampled, decoded, augmented."""
