"""What becomes of the rows of an import: accepted, skipped or failed, each for reasons that can be named."""
