"""What is true without AWS. Imports nothing of ours and no driver."""
