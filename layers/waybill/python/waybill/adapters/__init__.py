"""The ports on AWS, one service a module. No AWS error leaves this folder."""
