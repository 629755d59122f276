/* The matrix of solvers and tasks: what stands above it, which rows, in which order. */

function visible() {
  const words = S.f.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const pattern = (word) => new RegExp(word.replace(/[.+^${}()|[\]\\?]/g, "\\$&").replaceAll("*", ".*"));
  const wanted = words.filter((word) => word[0] !== "!").map(pattern);
  const refused = words
    .filter((word) => word[0] === "!" && word.length > 1)
    .map((word) => pattern(word.slice(1)));
  return D.rows.filter((r) => {
    const text = `${r.id} ${r.solver} ${r.preset}`.toLowerCase();
    const named = (!wanted.length || wanted.some((q) => q.test(text))) && !refused.some((q) => q.test(text));
    return named && (S.b || !r.base) && (!S.cap || passes(r) <= +S.cap);
  });
}
/* Ranked rows, the others, baselines: three blocks, each sorted. */
function sorted() {
  const [key, direction] = S.s.endsWith(".r") ? [S.s.slice(0, -2), -1] : [S.s, 1];
  const better = M[S.m]?.better || 1;
  const keys = {
    name: (r) => r.id.toLowerCase(),
    cost: passes,
    avg: (r) => (D.avg[S.m] ? D.avg[S.m][r.id]?.[0] : value(r, D.common[0])),
  };
  const value = (r, t = key) => {
    const x = val(t, r.id, S.m);
    return x && -better * x[0];
  };
  const by = Object.hasOwn(keys, key) ? keys[key] : value;
  const compare = (p, q) => {
    const [a, b] = [by(p), by(q)];
    if (a == null || b == null) return (a == null) - (b == null);
    return direction * (a < b ? -1 : a > b ? 1 : 0);
  };
  const rows = visible();
  return [
    rows.filter(ranked).sort(compare),
    rows.filter((r) => !r.base && !r.ranked).sort(compare),
    rows.filter((r) => r.base).sort(compare),
  ];
}
/* A robust axis of a column: hopeless rows are clipped, and say so. */
function scale(t, m) {
  const known = D.rows.filter((r) => !r.base).map((r) => val(t, r.id, m));
  const xs = known.filter((x) => x && Number.isFinite(x[0])).map((x) => [x[0], x[1] ?? x[0], x[2] ?? x[0]]);
  if (!xs.length) return [0, 1];
  const means = xs.map((x) => x[0]).sort((a, b) => a - b);
  const quantile = (p) => means[Math.round(p * (means.length - 1))];
  const spread = Math.max(quantile(0.75) - quantile(0.25), 1e-6);
  const kept = xs.filter((x) => x[0] > quantile(0.25) - 3 * spread && x[0] < quantile(0.75) + 3 * spread);
  return [Math.min(...kept.map((x) => x[1])), Math.max(...kept.map((x) => x[2]))];
}

const RANKS =
  "The rank range of a row: 1 + the rows that are better than it, to the number of rows minus those that are " +
  "worse, all pairs judged together at 95 %. 1–3 means: between first and third.";
const SHADED =
  "Best, or not separable from the best. This is no evidence of equality: see the smallest visible difference " +
  "under each task. ≈ marks a row that is shown to be within the margin of the best.";
const meaning = (word) => `${signOf(word)}: ${D.marks[word][1]}`;
const floorText = () =>
  `A cell is the median over problems. Shaded and bold, with ≈: a solver that is ${D.marks.equivalent[1]}. ` +
  `${["floor", "best", "tie", "worse"].map(meaning).join("; ")}. A row may have several marks.`;
const hasFloor = () => D.tasks[0].unit === "problem";

function controls() {
  const caps = [...new Set(D.rows.map(passes))].filter(Boolean).sort((a, b) => a - b);
  const metrics = D.metrics.map((m) => [m.id, m.label + arrow(m)]);
  const metricChoice =
    metrics.length > 8
      ? h(
          "select",
          { id: "metric", "aria-label": "Metric", onchange: (e) => set({ m: e.target.value }, "all") },
          metrics.map(([value, label]) => h("option", { value, selected: value === S.m }, label)),
        )
      : choices("Metric", metrics, S.m, (m) => set({ m }, "all"));
  const filter = h("input", {
    type: "search",
    id: "filter",
    "aria-label": "Filter rows: names with * ; ! leaves out",
    placeholder: "Filter: dd*  !mcg",
    value: S.f,
    size: 17,
    oninput: (e) => set({ f: e.target.value }, "table"),
  });
  const budget = h(
    "select",
    { id: "cap", "aria-label": "Budget", onchange: (e) => set({ cap: e.target.value }, "table") },
    h("option", { value: "" }, "Any budget"),
    caps.map((c) => h("option", { value: c, selected: String(c) === S.cap }, `≤ ${c} passes`)),
  );
  const baselines = h("input", {
    type: "checkbox",
    checked: !!S.b,
    onchange: (e) => set({ b: +e.target.checked }, "table"),
  });
  fill(
    $("matrix"),
    h("h2", { id: "matrix-h" }, "Solvers by task"),
    h(
      "p",
      { class: "note" },
      "Press a number for its interval, cost, paper and command. ",
      hasFloor()
        ? [
            def("Shaded and bold", floorText()),
            ": shown to be equivalent to exact samples. ",
            def("f 1 = w", floorText()),
            ": not told apart from them, nearest, not shown to be further than the nearest, further. ",
          ]
        : [
            def("Small figures are ranks", RANKS),
            " that the data allow. ",
            def("Shaded and bold", SHADED),
            ": first place is possible. ",
          ],
      "Bars: 95 % intervals",
      hasFloor() ? "." : "; the thin line is the best row.",
    ),
    h(
      "div",
      { class: "bar np" },
      metricChoice,
      D.metrics.length > 0 && def("What is measured?", "@metric"),
      h("span", { class: "sp" }),
      filter,
      budget,
      D.rows.some((r) => r.base) && h("label", { class: "ck" }, baselines, "Baselines"),
    ),
    h("div", { class: "scroll", id: "mx" }),
    h("div", { class: "foot2", id: "mxfoot" }),
  );
}

/* Cells as text, for spreadsheets; what a spreadsheet would take for a formula is neutralised. */
const plainText = (x) => (/^[=+\-@\t\r]/.test(x) ? "'" + x : x);
function csv() {
  const column = (t) => ["", "_low", "_high", "_rank_low", "_rank_high"].map((end) => t.id + end);
  const values = (t, r) => {
    const x = val(t.id, r.id, S.m) || ["", "", ""];
    const k = place(t.id, r.id, S.m) || [];
    return [...x, k[1], k[2]].map((v) => v ?? "");
  };
  const line = (r) => [plainText(r.id), r.nfe, r.vjp, ...D.tasks.flatMap((t) => values(t, r))];
  const lines = [["row", "nfe", "vjps", ...D.tasks.flatMap(column)], ...sorted().flat().map(line)];
  const quoted = (x) => (/[",\n]/.test(x) ? `"${String(x).replaceAll('"', '""')}"` : x);
  return lines.map((cells) => cells.map(quoted).join(",")).join("\n");
}
