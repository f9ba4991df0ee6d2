"""The peers: one small program each, which does with that tool what Waybill does with its own code.

Every program takes the same arguments, BUCKET PREFIX KEY, lists the objects of BUCKET under PREFIX, packs them with
deflate at level 1 where the tool leaves a choice, and stores the archive as KEY in the same bucket. It finds the server
by the variables that AWS's tools read (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …).
"""
