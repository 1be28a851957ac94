"""Makes the de-identification's rule book of philter-lite's filters and lists. `script/rulebook` runs it.

The service needs neither philter-lite nor the seconds that reading and translating it takes: what is made here is part
of it.
"""
