"""Feature flags: what is known of them in this process, how they are changed, and which client runs which version."""
