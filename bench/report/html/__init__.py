"""The HTML report: one file that opens from disk, and larger pictures beside it. No torch in here."""
