"""The classes of our methods by name, in the order of their cards."""

from bench.suites.cards import list_cards
from bench.suites.methods import load_solver

CARDS = list_cards()
CLASSES = {name: load_solver(name).cls for name in CARDS}
SOLVERS = {name: CLASSES[name] for name, card in CARDS.items() if card.kind != "anchor"}
METHODS = {name: CLASSES[name] for name, card in CARDS.items() if card.kind == "method"}
ANCHORS = {name: CLASSES[name] for name, card in CARDS.items() if card.kind == "anchor"}
