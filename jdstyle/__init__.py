"""Recognises the fashion styles of clothing photos."""

__version__ = "0.4.0"
