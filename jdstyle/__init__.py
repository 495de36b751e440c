"""Recognises the fashion styles of clothing photos."""

__version__ = "0.2.0"
