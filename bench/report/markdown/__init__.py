"""The pages of a report: tables that read well on a repository's page, with what is needed to judge them."""
