"""What a rollout will do before it does it: how long each weight takes, whom it exposes, what its gates can find.

- ``stages``: the steps of a plan by weight, and how long each takes.
- ``traffic``: what is assumed of the events that a gate will see, and the fault that it should find.
- ``sights``: what each gate can find at each weight.
- ``remedy``: what would make a gate see more: another weight, more time, fewer groups.
- ``outlook``: all of it for one plan.
- ``words``: the same as people say it.

Pure; chance is an argument. Called by ``croupier rollout plan``.
"""
