"""Code as data: the text of syntax trees, and the files of users that are imported and hashed."""
