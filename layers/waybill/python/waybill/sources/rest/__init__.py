"""The base for sources that read another system's REST API: one client with everything that such a source needs.

A source makes a client, says what it wants, and gets bodies, or SourceUnavailable with a sentence for people::

    client = RestClient("OS2iot", "https://iot.example.org/api/v1", connect=Endpoint, auth=TokenAuth(log_in))
    page = client.send(Request("application", query=(("limit", "100"),))).json(PAGE)     # a msgspec decoder
    root = client.send(Request("users/ada", accept=XML)).xml()                           # an Element, no DTD
    for reply in client.many(Request(f"application/{each}") for each in ids):            # side by side, in order
        ...
    for chunk in client.stream(Request("exports/7/downloads")):                          # taken up where it broke off
        ...

What it promises:

- A request that is safe to repeat is tried again, with jitter and after ``Retry-After``, for PATIENCE seconds at most.
- No more requests are in flight at once than ``limit``, however many threads ask.
- ``auth`` signs every request (``rest.auth``). After a 401 it may renew what it signs with, once a request.
- What signs goes to the host of ``base`` alone, never along a redirect to another, and stands in no error: an error
  names the path and ``Request.query``, but neither headers nor ``Request.secret_query``.
- Bodies are bounded, and read as strictly as they are decoded.

A status that means something to the source, such as 404 for what is not there, is named in ``Request.taken``; every
other one that is not 2xx raises RequestRefused, whose ``status`` the source may look at. ``rest.paging`` reads lists in
pages, several at once, and notices those that repeat for ever. ``rest.secret`` reads what to sign with. Tests need no
network: tests/rest_fakes.py answers a client's requests with a function, and time passes there without waiting.
"""
