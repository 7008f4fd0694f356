"""A small but real casino: four services over one ledger, and the players who use it.

It is the workload that a release control plane rolls out in demos, tests and benchmarks. It knows nothing of Croupier.
"""
