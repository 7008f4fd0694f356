"""What talks to outside systems: one file or folder per system; kinds never import each other."""
