"""Loaded by schemathesis: most objects that it asks for by number shall exist, or it only ever sees 404.

Each resource is filled with three objects; those that are deleted are others, which the run has created itself.
"""

import schemathesis


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    number = (path_parameters or {}).get("id")
    if not isinstance(number, int) or number % 4 == 0:
        return path_parameters
    deletes = context.operation is not None and context.operation.method.upper() == "DELETE"
    return {**path_parameters, "id": 4 + number % 9 if deletes else 1 + number % 3}
