/* Draws the parts that a change concerns, and only these: a redraw loses the focus inside of them. */

const PARTS = {
  all: ["theme", "says", "table", "tabs", "viewer", "pair", "ranks", "samples", "cost", "steps"],
  task: ["tabs", "viewer", "pair", "ranks", "samples", "cost", "steps"],
  table: ["table"],
  viewer: ["viewer", "steps"],
  paint: ["paint"],
  pair: ["pair"],
  theme: ["theme", "paint"],
};
function theme() {
  if (S.th) document.documentElement.dataset.theme = S.th;
  else delete document.documentElement.dataset.theme;
}
const DRAW = { theme, says, table, tabs, viewer, paint, pair, ranks, samples, cost: costPlot, steps };
function draw(what) {
  for (const part of new Set(what.flatMap((name) => PARTS[name]))) DRAW[part]();
}
function start() {
  readHash();
  chooseRest();
  header();
  controls();
  ledger();
  draw(["all"]);
}
start();
addEventListener("hashchange", start);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => paint());
document.documentElement.dataset.ready = Math.round(performance.now());
