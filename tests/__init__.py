"""`unit` mirrors `service`, `integration` asks a real Hub, `browser` drives Chromium, `support` is what they share.

`conformance` runs JupyterHub's own tests against our service. `examples` does what readers of the original examples do.
"""
