"""A pytest plugin for JupyterHub's tests: has them start CONFORMANCE_SERVICE instead of their mock service.

Runs in an environment with JupyterHub alone, so it imports nothing of ours.
"""

import os
import shlex

from jupyterhub.tests import test_services

# conftest.py holds this very list.
test_services.mockservice_cmd[:] = shlex.split(os.environ["CONFORMANCE_SERVICE"])
