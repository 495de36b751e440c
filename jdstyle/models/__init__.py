"""Backbones, heads and where their weights come from."""
