"""One use case a file, named as its Lambda function. Decides order and state; talks to ports only."""
