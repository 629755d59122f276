"""Tables for papers: LaTeX with booktabs, and the BibTeX entries of what they cite."""
