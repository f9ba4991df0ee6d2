"""PostgreSQL: tables and queries as records, and the whole database as a file.

The server makes the JSON of each row itself, and COPY brings it: here nothing is made of a cell. Only these modules
load the driver, which takes a function a tenth of a second.
"""
