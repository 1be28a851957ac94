"""The revisions of the desk's tables. `desk.storage.migrate` applies the missing ones.

A new revision is a new file in `versions`, whose `down_revision` is the one before. It spells out the tables itself and
does not import `desk.storage.tables`, which will change again. Tests compare the result with that module, starting from
an empty database and from the revision before.
"""
