"""Pages of employees: the list, a new one, one to read and change, and the question before one is deleted."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from service.apps.desk.domain.policy import Permission
from service.apps.desk.domain.queries import TicketQuery
from service.apps.desk.domain.values import Employee, EmployeeNew
from service.apps.desk.http.access import OpenDesk, ThingId, actor
from service.apps.desk.http.employees import Asked, Creator, Editor, Reader, Remover
from service.apps.desk.http.tickets import full_name
from service.apps.desk.pages.forms import Draft, draft_of, meant, patch_of, refused, stamp_of, submitted, version_of
from service.apps.desk.pages.layout import counted, listing, onward, page, question
from service.apps.desk.storage.desk import Desk
from service.errors import ServiceError
from service.hub.models import Identity

router = APIRouter(prefix="/employees")

_FIELDS = tuple(EmployeeNew.model_fields)
_TICKETS = 10  # shown on an employee's page, at most


@router.get("")
async def find(user: Reader, request: Request, desk: OpenDesk, query: Asked) -> Response:
    """The list, and what narrows it."""
    found = await desk.employees.find(counted(query))
    listed = listing(request, query, found, path="employees")
    return page(request, user, "employees.html", employees=found.items, **listed)


@router.get("/new")
async def new(user: Creator, request: Request, desk: OpenDesk) -> Response:
    """An empty form."""
    return await _form(request, user, desk, Draft({}))


@router.post("/new")
async def create(user: Creator, request: Request, desk: OpenDesk) -> Response:
    """Create the employee."""
    typed = await submitted(request)
    try:
        employee = await desk.employees.create(EmployeeNew(**meant(typed, _FIELDS)), by=actor(user))
    except (ValidationError, ServiceError) as error:
        return await _form(request, user, desk, refused(error, typed))
    return onward(request, f"employees/{employee.id}", done="created")


@router.get("/{employee_id}")
async def read(user: Reader, request: Request, desk: OpenDesk, employee_id: ThingId) -> Response:
    """The employee, as a form if the reader may change it, and their latest tickets."""
    employee = await desk.employees.get(employee_id)
    return await _form(request, user, desk, draft_of(employee, _FIELDS), employee=employee)


@router.post("/{employee_id}")
async def change(user: Editor, request: Request, desk: OpenDesk, employee_id: ThingId) -> Response:
    """Change what was changed in the form."""
    typed = await submitted(request)
    employee = await desk.employees.get(employee_id)
    try:
        patch = patch_of(typed, _FIELDS, since=employee)
        await desk.employees.change(employee_id, patch, version=version_of(typed), by=actor(user))
    except (ValidationError, ServiceError) as error:
        draft = refused(error, typed, names=_FIELDS, current=employee)
        return await _form(request, user, desk, draft, employee=employee)
    return onward(request, f"employees/{employee_id}", done="saved")


@router.get("/{employee_id}/delete")
async def ask(user: Remover, request: Request, desk: OpenDesk, employee_id: ThingId) -> Response:
    """The question before the employee is deleted."""
    employee = await desk.employees.get(employee_id)
    return _question(request, user, employee, Draft({}, stamp_of(employee)))


@router.post("/{employee_id}/delete")
async def delete(user: Remover, request: Request, desk: OpenDesk, employee_id: ThingId) -> Response:
    """Delete the version that the question was about."""
    typed = await submitted(request)
    try:
        await desk.employees.delete(employee_id, version=version_of(typed), by=actor(user))
    except ServiceError as error:
        employee = await desk.employees.get(employee_id)
        return _question(request, user, employee, refused(error, typed, current=employee))
    return onward(request, "employees", done="deleted")


def _question(request: Request, user: Identity, employee: Employee, draft: Draft) -> Response:
    name, back = full_name(employee), f"employees/{employee.id}"
    return question(request, user, draft, noun="employee", name=name, back=back, warning="The audit keeps their data.")


async def _form(
    request: Request, user: Identity, desk: Desk, draft: Draft, *, employee: Employee | None = None
) -> Response:
    tickets = []
    if employee and user.scope_set.covers(Permission.TICKETS_READ):
        tickets = (await desk.tickets.find(TicketQuery(employee=employee.id, limit=_TICKETS))).items
    return page(request, user, "employee.html", employee=employee, tickets=tickets, draft=draft)
