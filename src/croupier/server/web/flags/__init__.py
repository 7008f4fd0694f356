"""Flags and presets on the page: the list, one flag, what can be done to it, and what an edit would change."""
