"""The launcher of the embedded AWS: ministack with its gaps closed. Runs in a virtual environment of its own.

Every patch first checks that what it replaces still has the shape that it was written for, and stops the start with a
sentence otherwise. tests/e2e/test_embedded_aws.py shows for each that the stock engine lacks what the patch adds.
"""
