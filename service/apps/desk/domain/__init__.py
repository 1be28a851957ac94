"""The rules of the desk: who may do what, and what may change into what."""
