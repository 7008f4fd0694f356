"""Experiments: started and stopped on the record, counted beside it, answered at any time."""
