"""The verbs that say what a run costs before it is made."""
