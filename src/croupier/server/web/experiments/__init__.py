"""The experiments' pages: what is asked, what is known so far, and the buttons that start and stop."""
