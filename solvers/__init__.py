"""The methods: `NAME.py` is one where a card `NAME.yaml` lies beside it, and else a helper."""
