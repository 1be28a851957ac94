"""Rules of our own that mask: each module knows one kind of identifier."""
