"""Flag steps of a rollout: a flag that is turned with the release, and goes back with it."""
