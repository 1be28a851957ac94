"""Sample data of a desk in use: people of many places, long and short names, and their tickets."""

from typing import Any

EMPLOYEES: list[dict[str, Any]] = [
    {
        "first_name": "Zoë",
        "last_name": "Okonkwo",
        "nick_name": "Zo",
        "phone": "+442079460958",
        "email": "zoe.okonkwo@example.com",
        "birthday": "1990-02-28",
        "country": "Nigeria",
        "city": "Lagos",
        "address": "12 Marina\nFloor 3",
    },
    {"first_name": "小明", "last_name": "张", "phone": "+862161234567", "city": "上海", "country": "中国"},
    {"first_name": "ليلى", "last_name": "الحداد", "email": "layla@example.com", "city": "عمّان", "country": "الأردن"},
    {"first_name": "Дарья", "last_name": "Верещагина-Островская", "city": "Новосибирск"},
    {
        "first_name": "Wolfeschlegelsteinhausenbergerdorff-Pfeffernuß",
        "last_name": "von und zu Hohenschwangau-Neuschwanstein-Garmisch-Partenkirchen",
        "email": "a.rather.long.address.that.goes.on.and.on.and.on@a-rather-long-name-of-a-department.example.com",
        "country": "The United Kingdom of Great Britain and Northern Ireland",
    },
    {"first_name": "Ng", "last_name": "Bo"},
    {"first_name": "Þórdís", "last_name": "Kolbrún Reykfjörð Gylfadóttir", "city": "Reykjavík"},
    {"first_name": "D'Artagnan", "last_name": "O'Neil & Sons <x>", "phone": "+33142685300"},
    {"first_name": "สมหญิง", "last_name": "ใจดี", "city": "กรุงเทพมหานคร"},
    {"first_name": "Søren", "last_name": "Ærøskøbing"},
]
_ASKED = [
    ("The printer on the second floor prints blank pages", "Since this morning. The toner was changed last week."),
    (
        "Cannot open the shared drive",
        "It asks for a password, and takes none.\n\nHer screen shows:\n    error 0x80070035",
    ),
    ("打印机不工作", "二楼的打印机从今天早上开始打印空白页。"),
    ("لا أستطيع تسجيل الدخول", "كلمة المرور صحيحة."),
    ("New laptop for a colleague who starts on Monday", ""),
    (
        "<b>Bold</b> & \"quoted\" 'titles' are shown as they are",
        "=1+1 is not calculated, <script>alert(1)</script> not run",
    ),
    ("Pneumonoultramicroscopicsilicovolcanoconiosis" * 4, "A word that is too long for a line."),
    (
        "VPN drops every few minutes when working from the train between two cities, but never in the office",
        "",
    ),
]
_PATHS = [[], ["in_progress"], ["in_progress", "waiting"], ["resolved"], ["resolved", "closed"]]


def tickets(count: int) -> list[dict[str, Any]]:
    """Return this number of tickets, each with the statuses that it goes through."""
    return [
        {
            "title": _ASKED[number % len(_ASKED)][0],
            "description": _ASKED[number % len(_ASKED)][1],
            "employee_id": number % len(EMPLOYEES) + 1,
            "path": _PATHS[number % len(_PATHS)],
        }
        for number in range(count)
    ]


# What the pictures of the docs show: times are fixed there. Titles and people can be shown by any font.
WEEK: list[dict[str, Any]] = [
    {"title": "Please move my phone to room 214", "employee_id": 6, "owner": "admin", "path": ["resolved", "closed"]},
    {"title": "Sound comes from the left only", "employee_id": 10, "owner": "support", "path": ["resolved"]},
    {"title": "My notebook server does not start", "employee_id": 1, "owner": "support", "path": ["in_progress"]},
    {"title": "New laptop for a colleague who starts on Monday", "employee_id": 6, "owner": "admin", "path": []},
    {
        "title": "Access to the sleep study",
        "employee_id": 10,
        "owner": "support",
        "path": ["in_progress"],
    },
    {
        "title": "VPN drops on the train",
        "description": "Every few minutes, and only there.\n\nThe log says: no reply from the gateway.",
        "employee_id": 1,
        "owner": "support",
        "path": ["in_progress", "waiting"],
    },
    {"title": "The printer on the second floor prints blank pages", "employee_id": 1, "owner": "support", "path": []},
]
ANSWERS = ("Which network does the train have?", "The operator's. Zoë tries it with a phone next week.")
