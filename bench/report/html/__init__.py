"""The HTML report: one file that opens from disk, and larger pictures in files beside it. No torch in here."""
