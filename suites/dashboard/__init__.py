"""What users feel of the project itself, commit by commit. Counters gate; times advise."""
