"""Forecasts: what a gate will be able to tell with the traffic that there is, before a rollout and while it goes.

A forecast plays the gate's own rule on counts that may come, some hundred times, and says in how many of them it found
the fault, and when. Chance is an argument (numbers from 0 to 1), so a forecast is as pure as a verdict.

- ``chance``: counts drawn by the inverse of their distribution.
- ``flow``: what is assumed of the traffic, and for how long at which weight.
- ``sequential``, ``classic``: the two rules, played.
- ``found``: the outcome: probability by a time, time for a probability.
- ``passing``: when a healthy canary would be let on.
"""
