"""The record: entries, and the Merkle tree that makes tampering visible."""
