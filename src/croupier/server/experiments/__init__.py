"""Experiments at the server: what clients report of them. What people ask is in ``api`` and ``web``."""
