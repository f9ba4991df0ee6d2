"""The peers: one small program each, which does with that tool what Waybill does with its own code.

Every program takes the same arguments, BUCKET PREFIX KEY, lists the objects of BUCKET under PREFIX, packs them, and
stores the archive as KEY in the same bucket. The ending of KEY says what is made. A tar.gz and a zip are deflated at
level 1, where the tool leaves a choice; with STORED=1 in the environment a zip holds contents as they are. It finds the
server by the variables that AWS's tools read (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …).
"""
