"""Croupier: the release control plane of online casinos."""
