"""Measurement, owned by the harness: one file a pass, each made apart from the others."""
