"""Many trainings: which, in which order, and how each of them stands."""
