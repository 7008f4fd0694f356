"""Puts the control plane together and speaks HTTP: settings, log, authentication, API and page.

Only ``app`` picks adapters.
"""
