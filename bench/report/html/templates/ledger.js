/* Conventions, methods, environment; the foot of the page. */

const heads = (...titles) =>
  h(
    "thead",
    {},
    h(
      "tr",
      {},
      titles.map((title) => h("th", { scope: "col" }, title)),
    ),
  );
const wideTable = (label, ...parts) =>
  h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    h("table", { class: "lg" }, parts),
  );
function metricLine(m) {
  const margin = m.margin && ` Rows within ${m.margin}${unit(m)} of each other are called equivalent.`;
  return h("tr", {}, h("th", { scope: "row" }, m.label, arrow(m)), h("td", {}, m.about, margin));
}
const absentLine = ([label, why]) =>
  h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, `Not available: ${why}.`));
function taskLine(t) {
  const values = [
    h("td", {}, t.sigma ?? "–"),
    h("td", {}, t.sigma == null ? "–" : t.sigma / 2),
    h("td", {}, t.what || "the manifest states none"),
  ];
  const operator = h("td", {}, h("code", {}, t.op), t.params && ` ${t.params}`);
  return h("tr", {}, h("th", { scope: "row" }, t.title), operator, values);
}
function methodLine(r) {
  const preset = r.preset || r.base || "–";
  const cells = [
    h("td", {}, h("code", {}, r.solver)),
    h("td", {}, preset),
    h("td", {}, paperLink(r.paper) ?? "–"),
  ];
  const certificate = r.state ? `${r.state}. ${r.certificate}` : "–";
  const whose = folderOf(r) && small(" ", folderOf(r));
  return h("tr", {}, h("th", { scope: "row" }, glyph(r.id), " ", r.id, whose), cells, h("td", {}, certificate));
}
function ledger() {
  const meta = D.meta;
  const versions = Object.entries(meta.versions);
  fill(
    $("ledger"),
    h("h2", { id: "ledger-h" }, "Conventions"),
    h(
      "p",
      { class: "note" },
      "What the same words mean here. A number from elsewhere compares only where these agree.",
    ),
    h(
      "ul",
      { class: "reading" },
      meta.reading.map((text) => h("li", {}, text)),
    ),
    h("h3", {}, "Metrics"),
    h("table", { class: "lg" }, h("tbody", {}, D.metrics.map(metricLine), D.absent.map(absentLine))),
    h("h3", {}, "Tasks"),
    wideTable(
      "Conventions of the tasks",
      heads("Task", "Operator", "σ in [−1, 1]", "σ in [0, 1]", "What it is"),
      h("tbody", {}, D.tasks.map(taskLine)),
    ),
    h("h3", {}, "Methods"),
    wideTable(
      "Methods and certificates",
      heads("Row", "Solver", "Preset", "Paper", "Certificate"),
      h("tbody", {}, D.rows.map(methodLine)),
    ),
    h(
      "details",
      { class: "cite" },
      h("summary", {}, "Environment and commands"),
      h("pre", {}, meta.commands.join("\n") || "no manifest keeps the command"),
      h(
        "table",
        { class: "lg" },
        h(
          "tbody",
          {},
          versions.map(([k, v]) => h("tr", {}, h("th", { scope: "row" }, k), h("td", {}, v))),
        ),
      ),
    ),
  );
  const beside = Object.keys(D.large).length ? ` but the larger pictures in ${D.beside}, when asked for` : "";
  fill(
    $("foot"),
    h(
      "p",
      {},
      `Suite ${meta.suite}. Nothing on this page is loaded from elsewhere${beside}; links go to arXiv and DOI only.`,
    ),
  );
}
