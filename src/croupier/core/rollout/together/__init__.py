"""Rollouts of several services that move as one: what is asked of each, and what is decided for all."""
