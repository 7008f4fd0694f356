"""What runs versions: local processes here; other kinds of workloads get a folder or file of their own."""
