"""What users feel of the project itself, commit by commit. Counters are exact; times advise."""
