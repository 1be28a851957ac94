"""The table of comments on tickets."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "comments",
        sa.Column("id", _ID, sa.Identity(), nullable=False),
        sa.Column("ticket_id", _ID, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_comments"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_comments_ticket_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_comments_ticket_id_created_id", "comments", ["ticket_id", "created", "id"])
