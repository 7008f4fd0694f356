"""Sequential tests: evidence that may be looked at after every sample without ever spending more than its error budget.

A test plays fair bets against its null hypothesis ("the canary is no worse than the baseline") on the counts of one
sample after the other. If the hypothesis holds, no way of betting grows the stake a hundredfold in more than one
rollout of a hundred, whenever anybody looks (Ville's inequality). So the grown stake, the e-value, is the evidence.

- ``bets``: what one sample's counts are worth to each bet, against the baseline or against an objective.
- ``capital``: how the stake is spread over the bets and grows; a late fault meets fresh money, a burst convicts nobody.
- ``dispersion``: by how much failures come in clumps, measured on parts of the baseline.
- ``budget``: one false-rollback budget over all gates and groups of a rollout.
- ``counterpart``: whether a group has a baseline, or is only seldom heard of there.
- ``waiting``: counts of a group that is heard of seldom, until they are enough to be compared.
- ``trials``, ``samples``, ``evidence``: the tests of a gate's groups, what a sample tells them, what they remember.
- ``look``, ``opinion``: the rule itself, one sample after the other, and what it says.
- ``bound``: how bad the canary may still be; a step ends when that costs little.

Pure; numbers of failures and requests in, natural logarithms out.
"""
