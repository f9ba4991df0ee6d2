"""A UForge AppCenter as the reference describes it (source-systems, part B), for one user with some objects.

It is strict where the real one is or may be: sign-in both ways, with the signature over what was really sent; media
types; known parameters; no body where none belongs. Its XML has the real namespaces and the order of the schema.
"""
