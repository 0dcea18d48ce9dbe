"""Reports, drawn from stored records alone."""
