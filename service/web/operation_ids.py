"""Names the operations of the OpenAPI document. Generated clients call their functions by these names."""

import re

from fastapi.routing import APIRoute


class OperationIds:
    """For `FastAPI(generate_unique_id_function=…)`: a route's own name, which is that of its function.

    The first route with a name has it: ours, then those of the applications, then those of routers. So an operation
    keeps its name when others are added after it. FastAPI may ask more than once for the same route.
    """

    def __init__(self) -> None:
        self._taken: dict[str, str] = {}  # name -> the method and path that have it

    def __call__(self, route: APIRoute) -> str:
        """Return the route's name or, if another one has it, the name with the path and the method."""
        where = f"{route.path_format} {'_'.join(sorted(route.methods or ())).lower()}"
        if self._taken.setdefault(route.name, where) == where:
            return route.name
        return re.sub(r"\W+", "_", f"{route.name}{where}")
