"""`python -P -m service deidentify --column`: tables, and the same bytes however often the job was stopped."""

import csv
import gzip
import json
import shlex
import signal
import subprocess
import sys
from io import BytesIO, StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.job import CANARY, done, job, lines_written, written
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY
from tests.support.notes import note
from tests.support.polling import eventually

ROWS = 80


def table(count: int, *, size: int = 1000) -> bytes:
    """A table of notes and much else, as CSV."""
    out = StringIO(newline="")
    rows = csv.writer(out)
    rows.writerow(["id", "ward", "note", "value", "more"])
    for number in range(count):
        text = f"Seen by Dr. {CANARY}.\n" + note(number, size, beyond=number % 5 == 0) if number % 7 else ""
        rows.writerow([f"{number:05}", 'a, "b"', text, f"{number}.50", ""])
    return out.getvalue().encode()


def read(content: bytes) -> list[list[str]]:
    """A table, as Python reads it."""
    return list(csv.reader(StringIO(content.decode(), newline="")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same table in several formats."""
    folder = tmp_path_factory.mktemp("tables") / "in"
    folder.mkdir()
    content = table(ROWS)
    header, *rows = read(content)
    columns = {name: [row[place] or None for row in rows] for place, name in enumerate(header)}
    numbers = {**columns, "value": [float(value or "") for value in columns["value"]]}
    (folder / "a.csv").write_bytes(content)
    (folder / "b.csv.gz").write_bytes(gzip.compress(table(10)))
    pq.write_table(pa.table(numbers), folder / "c.parquet", row_group_size=50)
    lines = [json.dumps({"note": row[2], "id": row[0], "x": [1.0, None]}) for row in rows[:10]]
    (folder / "d.ndjson").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> dict[str, bytes]:
    """What the job writes if nothing happens to it."""
    out = folder.parent / "out"
    status, said = done(folder, "-o", out, "--column", "note", home=folder.parent)

    assert status == 0, said
    assert CANARY not in said
    return written(out)


def test_a_job(folder: Path, undisturbed: dict[str, bytes]) -> None:
    """Masks the notes, and nothing else is another; null stays null."""
    before, after = read((folder / "a.csv").read_bytes()), read(undisturbed["a.csv"])
    parquet = pq.read_table(BytesIO(undisturbed["c.parquet"]))

    assert list(undisturbed) == ["a.csv", "b.csv.gz", "c.parquet", "d.ndjson"]
    for content in [*undisturbed.values(), gzip.decompress(undisturbed["b.csv.gz"])]:
        assert CANARY.encode() not in content
    assert [row[:2] + row[3:] for row in after] == [row[:2] + row[3:] for row in before]
    assert [len(row[2]) for row in after] == [len(row[2]) for row in before]
    assert parquet.drop_columns("note").equals(pq.read_table(folder / "c.parquet").drop_columns("note"))
    assert parquet["note"].to_pylist() == [row[2] or None for row in after[1:]]
    assert [json.loads(line)["x"] for line in undisturbed["d.ndjson"].splitlines()] == [[1.0, None]] * 10


async def test_a_job_that_is_killed(folder: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    """At several moments, in CSV and in Parquet, goes on each time where it was; no byte is other in the end."""
    out = tmp_path / "out"
    for count in (5, ROWS + 20, 2 * ROWS):

        async def are_written(least: int = count) -> bool:
            return lines_written(out) >= least

        with job(folder, "-o", out, "--column", "note", "--workers", "2", home=tmp_path) as running:
            await eventually(are_written, every=0.01)
            running.process.send(signal.SIGKILL)

            assert running.status() in {-signal.SIGKILL, 0}, "killed, or done before we could"
    status, said = done(folder, "-o", out, "--column", "note", home=tmp_path)

    assert (status, " were there from before." in said) == (0, True), said
    assert written(out) == undisturbed


def test_what_fails(tmp_path: Path) -> None:
    """Is null, stands beside the table, and makes the status 1; files that are passed over are named, unless asked."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "t.csv").write_bytes(b'id,note\n1,"a\x01b"\n2,Dr. Roe\n3,a,b\n')
    command = [tmp_path / "in", "-o", tmp_path / "out", "--column", "note"]
    status, said = done(*command, home=tmp_path)
    found = written(tmp_path / "out")

    assert status == 1
    assert f"What failed of {tmp_path}/in/t.csv stands in {tmp_path}/out/t.csv.errors.ndjson.\n" in said
    assert found["t.csv"] == b"id,note\n1,\n2,Dr. ***\n,\n"
    assert [json.loads(line)["line"] for line in found["t.csv.errors.ndjson"].splitlines()] == [2, 4]


@pytest.mark.parametrize("options", [[], ["--skip-others"]], ids=["plain", "skip"])
def test_other_files(tmp_path: Path, options: list[str]) -> None:
    """Are named at the end, and an error unless it was said that there are some."""
    (tmp_path / "in").mkdir()
    for name in ["a.text", "b.txt", "c.csv", "d.txt.gz"]:
        (tmp_path / "in" / name).write_bytes(gzip.compress(b"Dr. Roe") if name.endswith("gz") else b"Dr. Roe")
    status, said = done(tmp_path / "in", "-o", tmp_path / "out", *options, home=tmp_path)

    assert status == (0 if options else 1)
    assert [line for line in said.splitlines() if line.startswith("Passed over: ")] == [
        f"Passed over: {tmp_path}/in/a.text",
        f"Passed over: {tmp_path}/in/c.csv",
    ]
    assert list(written(tmp_path / "out")) == ["b.txt", "d.txt.gz"]


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"id,text\n1,a\n", [], "{} has no column note. Its columns are: id, text."),
        (
            b"note\nZo\xeb\n",
            [],
            "{}: Line 2, byte 3 (0xEB) is not in utf-8. If it is Windows-1252, use --encoding cp1252.",
        ),
        (b"note\na\n", ["--encoding", "utf-16"], "utf-16 is no encoding that is taken here."),
        (b"note\na\n", ["--spans"], "--spans is for notes"),
    ],
    ids=["column", "encoding", "no encoding", "spans"],
)
def test_a_job_that_cannot_begin(tmp_path: Path, content: bytes, options: list[str], said: str) -> None:
    """Says why, and writes nothing."""
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    status, told = done(path, "-o", tmp_path / "out", "--column", "note", *options, home=tmp_path)

    assert status == 2
    assert said.format(path) in told
    assert not (tmp_path / "out").exists()


def test_another_encoding(tmp_path: Path) -> None:
    """Is read and written."""
    (tmp_path / "t.csv").write_bytes(b"x,note\nZo\xeb,Dr. Zo\xeb\n")
    command = [tmp_path / "t.csv", "-o", tmp_path / "out", "--column", "note"]
    status, said = done(*command, "--encoding", "cp1252", home=tmp_path)

    assert status == 0, said
    assert written(tmp_path / "out") == {"t.csv": b"x,note\nZo\xeb,Dr. ***\n"}


def test_as_documented(tmp_path: Path) -> None:
    """The commands of our own pages do what they say."""
    commands = [block.code for block in blocks(REPOSITORY / "docs" / "deidentify.md", "sh") if "--column" in block.code]
    tables = pa.table({"id": [1], "note": ["Dr. Roe"], "summary": ["Dr. Doe"]})
    (tmp_path / "visits.csv").write_text("id,note\n1,Dr. Roe\n2,a,b\n")
    (tmp_path / "visits.tsv.gz").write_bytes(gzip.compress(b"note\tsummary\nDr. Roe\t\n"))
    pq.write_table(tables, tmp_path / "letters.parquet")
    status, said = done(*shlex.split(commands[0])[5:], home=tmp_path)
    first = written(tmp_path / "masked-visits")

    assert status == 1, said
    assert first["visits.csv"] == b"id,note\n1,Dr. ***\n,\n"
    assert list(json.loads(first["visits.csv.errors.ndjson"])) == ["line", "columns", "error"]

    status, said = done(*shlex.split(commands[1])[5:], home=tmp_path)
    second = written(tmp_path / "masked-letters")

    assert status == 0, said
    assert len(commands) == 2
    assert gzip.decompress(second["visits.tsv.gz"]) == b"note\tsummary\nDr. [NAME]\t\n"
    assert pq.read_table(BytesIO(second["letters.parquet"])).to_pylist() == [
        {"id": 1, "note": "Dr. [NAME]", "summary": "Dr. [NAME]"}
    ]


PEAK = """
import sys
from pathlib import Path
from service.apps.deidentify.job.claim import Terms
from service.apps.deidentify.job.files import checked
from service.apps.deidentify.job.inputs import find
from service.apps.deidentify.job.tables.rows import Reply
import json
(file,) = checked(find([Path(sys.argv[1])], Path("out"), tables=True).sources, Terms({}, False, 1, ("note",)))
answers = Path(sys.argv[1] + ".answers")
with file.source.open() as reading, answers.open("w") as out:
    for note, _ in file.notes(reading):
        print(json.dumps([cell for _, cell in json.loads(note.raw)]), file=out)
with file.source.open() as reading, answers.open() as lines, open(sys.argv[1] + ".new", "wb") as out:
    file.table.write(reading, (Reply(1, json.loads(line)) for line in lines), out)
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1000)
"""
SIZES = (30, 120)  # MB of two tables
# MB that the larger may take more. Parquet has two columns, so 180 MB more, and Arrow's allocator keeps what is free.
MEMORY = {"csv": 45, "ndjson": 45, "parquet": 110}


@pytest.mark.parametrize("suffix", MEMORY)
def test_memory(tmp_path: Path, suffix: str) -> None:
    """Does not grow with the table, which is checked, read and written."""
    peaks = {}
    for size in SIZES:
        path = tmp_path / f"{size}.{suffix}"
        texts = [f"{number} " + "x" * 10_000 for number in range(size * 100)]
        if suffix == "csv":
            path.write_text("id,note\n" + "".join(f"1,{text}\n" for text in texts))
        elif suffix == "ndjson":
            path.write_text("".join(json.dumps({"note": text}) + "\n" for text in texts))
        else:
            pq.write_table(pa.table({"note": texts, "x": texts}), path, compression="none", use_dictionary=False)
        peaks[size] = int(subprocess.check_output([sys.executable, "-c", PEAK, str(path)], cwd=REPOSITORY))
        assert path.with_name(path.name + ".new").stat().st_size > size * 900_000

    assert peaks[SIZES[1]] < peaks[SIZES[0]] + MEMORY[suffix]
