"""``croupier flag …``: look at feature flags, change them, and stop them. One module per verb or a few of a kind."""
