"""Stored runs as series of asv's dashboard: one point a commit."""
