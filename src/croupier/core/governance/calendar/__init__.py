"""The freeze calendar: when players must not be moved towards a release, and when releases are let through. Pure.

Documents say it in local times and recurrences; an adapter makes plain intervals of them (``control.ports.Almanac``),
and only those are decided with.
"""
