"""Which records, columns and digits a report is asked for."""
