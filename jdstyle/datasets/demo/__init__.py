"""The built-in demo: drawings that wear the challenge's real label sets."""
