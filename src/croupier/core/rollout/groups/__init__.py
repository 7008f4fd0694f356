"""Acting on a failing group instead of giving up the whole release: turn its flag off, hold its players.

``blame`` says which groups a verdict is about, ``remedy`` what is done about them, ``effect`` what that makes of the
state, ``watch`` whether it helped. All pure; ``decide``, ``evolve`` and ``asking`` call them.
"""
