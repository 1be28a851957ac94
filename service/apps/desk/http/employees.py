"""Employees: those who ask for help."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response

from service.apps.desk.domain.policy import Permission
from service.apps.desk.domain.queries import Page
from service.apps.desk.domain.values import Employee, EmployeeChange, EmployeeNew
from service.apps.desk.http.access import OpenDesk, ThingId, actor
from service.apps.desk.http.conditional import ExpectedVersion, created, tagged, unless_known
from service.apps.desk.http.export import Bom, as_csv
from service.apps.desk.http.lists import EmployeeList, linked, whole
from service.apps.desk.http.openapi import CHANGED, CREATED, CSV, DELETED, LIST, ONE_UNLESS_KNOWN, merge_patch
from service.auth.guard import require
from service.hub.models import Identity

router = APIRouter()

Asked = Annotated[EmployeeList, Query()]
Creator = Annotated[Identity, require(Permission.EMPLOYEES_CREATE)]
Reader = Annotated[Identity, require(Permission.EMPLOYEES_READ)]
Editor = Annotated[Identity, require(Permission.EMPLOYEES_UPDATE)]
Remover = Annotated[Identity, require(Permission.EMPLOYEES_DELETE)]


@router.get("/employees", summary="List employees", responses=LIST)
async def list_employees(
    _: Reader, request: Request, response: Response, desk: OpenDesk, query: Asked
) -> Page[Employee]:
    """List employees, by last name unless `sort` says otherwise."""
    return linked(request, response, await desk.employees.find(query), query=query)


@router.get("/employees.csv", summary="Export employees", response_class=Response, responses=CSV)
async def export_employees(_: Reader, desk: OpenDesk, query: Asked, bom: Bom) -> Response:
    """Return all employees that match the filter. `limit` and `cursor` are ignored."""
    return await as_csv(desk.employees.export(whole(query)), model=Employee, name="employees.csv", bom=bom)


@router.post("/employees", summary="Create an employee", status_code=201, responses=CREATED)
async def create_employee(
    user: Creator, request: Request, response: Response, desk: OpenDesk, new: EmployeeNew
) -> Employee:
    """Create an employee."""
    employee = await desk.employees.create(new, by=actor(user))
    return created(request, response, employee, key=employee.id)


@router.get("/employees/{employee_id}", summary="Read an employee", response_model=Employee, responses=ONE_UNLESS_KNOWN)
async def get_employee(
    _: Reader, request: Request, response: Response, desk: OpenDesk, employee_id: ThingId
) -> Employee | Response:
    """Read an employee."""
    return unless_known(request, response, await desk.employees.get(employee_id))


@router.patch(
    "/employees/{employee_id}",
    summary="Change an employee",
    responses=CHANGED,
    openapi_extra=merge_patch("EmployeeChange"),
)
async def update_employee(
    user: Editor,
    response: Response,
    desk: OpenDesk,
    employee_id: ThingId,
    version: ExpectedVersion,
    patch: Annotated[EmployeeChange, Body()],
) -> Employee:
    """Change the fields that the patch names. Null clears a field."""
    return tagged(response, await desk.employees.change(employee_id, patch, version=version, by=actor(user)))


@router.delete("/employees/{employee_id}", summary="Delete an employee", status_code=204, responses=DELETED)
async def delete_employee(user: Remover, desk: OpenDesk, employee_id: ThingId, version: ExpectedVersion) -> None:
    """Delete an employee who has no tickets. The audit keeps their data."""
    await desk.employees.delete(employee_id, version=version, by=actor(user))
