"""A check for Schemathesis: requests that the role in DESK_ROLE does not allow must be refused."""

import os
from http import HTTPStatus
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response

from service.apps.desk.domain.policy import GRANTS, Permission, Role

# Written down once more, so that a route with a wrong guard is noticed; one that is missing here fails.
NEEDED = {
    "GET /tickets": Permission.TICKETS_READ,
    "GET /tickets.csv": Permission.TICKETS_READ,
    "GET /tickets/mine": Permission.TICKETS_READ_OWN,
    "GET /tickets/{ticket_id}": Permission.TICKETS_READ,
    "POST /tickets": Permission.TICKETS_CREATE,
    "PATCH /tickets/{ticket_id}": Permission.TICKETS_UPDATE,
    "DELETE /tickets/{ticket_id}": Permission.TICKETS_DELETE,
    "GET /tickets/{ticket_id}/comments": Permission.TICKETS_READ,
    "POST /tickets/{ticket_id}/comments": Permission.TICKETS_UPDATE,
    "GET /employees": Permission.EMPLOYEES_READ,
    "GET /employees.csv": Permission.EMPLOYEES_READ,
    "GET /employees/{employee_id}": Permission.EMPLOYEES_READ,
    "POST /employees": Permission.EMPLOYEES_CREATE,
    "PATCH /employees/{employee_id}": Permission.EMPLOYEES_UPDATE,
    "DELETE /employees/{employee_id}": Permission.EMPLOYEES_DELETE,
    "GET /accounts": Permission.ACCOUNTS_READ,
    "GET /accounts.csv": Permission.ACCOUNTS_READ,
    "GET /accounts/me": Permission.ACCOUNTS_READ_OWN,
    "PATCH /accounts/me": Permission.ACCOUNTS_CONTACT_OWN,
    "GET /accounts/{name}": Permission.ACCOUNTS_READ,
    "POST /accounts": Permission.ACCOUNTS_CREATE,
    "PATCH /accounts/{name}": Permission.ACCOUNTS_CONTACT,  # and for some fields more, below
    "PUT /accounts/{name}/role": Permission.ACCOUNTS_ROLE,
    "POST /accounts/{name}/invitation": Permission.ACCOUNTS_CREATE,
    "DELETE /accounts/{name}": Permission.ACCOUNTS_DELETE,
    "GET /audit": Permission.AUDIT_READ,
    "GET /audit.csv": Permission.AUDIT_READ,
    "GET /status": None,
}
NAMES = {"first_name", "last_name"}


@schemathesis.check
def is_allowed(_ctx: CheckContext, response: Response, case: "Case[Any]") -> None:
    """Fail if the policy refuses a request of this role and the answer is not a refusal."""
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        return
    role = os.environ["DESK_ROLE"]
    needed = NEEDED[f"{case.method.upper()} {case.operation.path.removeprefix('/desk')}"]
    body = case.body if isinstance(case.body, dict) else {}
    if case.method.upper() == "PATCH" and "accounts" in case.operation.path and body.keys() & NAMES:
        needed = Permission.ACCOUNTS_UPDATE
    if needed is not None and (not role or needed not in GRANTS[Role(role)]):
        raise AssertionError(f"{role or 'a stranger'} got {response.status_code} without {needed}")
