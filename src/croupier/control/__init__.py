"""What acts, in order: observe, decide, record, apply. Talks to the outside only by its ports."""
