"""Shadowing: copies of real requests that a new version answers for nobody, and how its answers compare.

``mirror`` says what is copied, ``effect`` what that makes of a plan's steps, ``check`` what is refused, ``ending`` when
such a step is over. All pure; ``routes``, ``decide`` and the data plane call them.
"""
