"""How the desk's tables came to be, one revision after another; `desk.storage.migrate` applies what is missing.

A new revision is a new file in `versions`, whose `down_revision` is the one before. It takes its tables as they are to
be then, from nowhere else: `desk.storage.tables` moves on. Tests compare the two, from empty and from the one before.
"""
