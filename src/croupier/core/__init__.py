"""What is decided. Pure: time, chance and data are arguments; no input or output, no framework."""
