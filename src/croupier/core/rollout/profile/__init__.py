"""Profiles: what is usual for releases of a domain, what of it a rollout loosens, and the lane for hotfixes. Pure."""
