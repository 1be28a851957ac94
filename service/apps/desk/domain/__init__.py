"""The rules of the desk: who may do what, what a field may hold, and which status may follow which."""
