"""What comes in: bytes that somebody sends become rows and files here, or a reason why not. Nothing is trusted."""
