"""Rollouts: the plan, the events, the state machine, what is decided, and the traffic that follows."""
