/* The table of the matrix. */

const WORDS = {
  absent: "not asked",
  pending: "not run yet",
  skipped: "does not apply",
  out_of_memory: "out of memory",
  diverged: "diverged",
  failed: "failed",
  timeout: "time limit",
  crashed: "crashed",
  ok: "no value",
};
const thin = { "vector-effect": "non-scaling-stroke" };
function intervalBar([lo, hi], x, best) {
  const at = (v) => 100 * Math.min(1, Math.max(0, (v - lo) / (hi - lo || 1)));
  const out = x[0] < lo ? -1 : x[0] > hi ? 1 : 0;
  const line = (x1, x2, y1, y2, more) => s("line", { x1, x2, y1, y2, ...thin, ...more });
  const parts = [line(0, 100, 8.5, 8.5, { class: "gr", "stroke-width": 1 })];
  if (best != null) parts.push(line(at(best), at(best), 0, 9, { class: "ax", "stroke-width": 1 }));
  if (out) {
    const d = out < 0 ? "M4 1L0 4.5L4 8" : "M96 1L100 4.5L96 8";
    parts.push(s("path", { d, fill: "none", stroke: "var(--soft)", "stroke-width": 1.5, ...thin }));
  } else {
    if (x[1] != null)
      parts.push(line(at(x[1]), at(x[2]), 4.5, 4.5, { stroke: "var(--soft)", "stroke-width": 2 }));
    parts.push(line(at(x[0]), at(x[0]), 1, 8, { stroke: "var(--ink)", "stroke-width": 2.4 }));
  }
  return s("svg", { viewBox: "0 0 100 9", preserveAspectRatio: "none", "aria-hidden": "true" }, parts);
}

/* Whether a row is shown to be within the margin of the best one. */
function isEquivalent(t, r, m, best) {
  const margin = family(t, m.id)?.margin;
  const g = margin && r !== best && gap(t, m.id, r, best);
  return !!g && Math.max(Math.abs(g[1]), Math.abs(g[2])) < margin;
}
const rangeText = (k) => (k[1] === k[2] ? `${k[1]}` : `${k[1]}–${k[2]}`);
/* What is said of a cell outside of families: on exact suites by the marks of all reports, in full size. */
const signOf = (word) => (D.marks[word]?.[0] ?? (word === "beats" ? "°" : "")).normalize("NFKC");
const marksOf = (t, r) => cell(t, r).mark?.[S.m]?.split(" ") ?? [];
function standing(t, r) {
  const m = M[S.m];
  const k = place(t, r, S.m);
  const marks = marksOf(t, r);
  if (!k) {
    const bold = marks.includes("equivalent") && !R[r].base;
    const best = hasFloor() ? bold : marks.includes("best") || marks.includes("tie");
    const text = [hasFloor() && bold ? "≈" : "", ...marks.map(signOf)].filter(Boolean).join(" ");
    return { best, text, spoken: marks.map((mark) => MARKS[mark]).join(", ") || "not ranked" };
  }
  const best = k[1] === 1;
  const range = rangeText(k);
  const same = best && isEquivalent(t, r, m, family(t, S.m).rows[0]);
  const words = `rank ${range}${best ? ", best or not separable from it" : ""}${same ? ", equivalent" : ""}`;
  return { best, text: (same ? "≈ " : "") + range, spoken: words };
}
function td(t, r, axis) {
  const c = cell(t, r.id);
  const m = M[S.m];
  const x = m && val(t, r.id, S.m);
  const attributes = {
    type: "button",
    class: "plain cell",
    tabindex: -1,
    "data-t": t,
    "data-r": r.id,
    "aria-haspopup": "dialog",
    onclick: (e) => popover(e.currentTarget),
  };
  if (!x) {
    const word = WORDS[c.s] || c.s;
    const label = `${r.id}, ${T[t].title}: ${word}. ${whyBlank(c)}`;
    return h(
      "td",
      { class: "blank" },
      h("button", { ...attributes, "aria-label": label }, h("span", {}, word)),
    );
  }
  const { best, text, spoken } = standing(t, r.id);
  const first = family(t, S.m)?.rows[0];
  const reference = m.id === "misfit" ? 1 : first != null ? val(t, first, S.m)?.[0] : null;
  const interval = x[1] == null ? "" : `, interval ${num(x[1], m.digits)} to ${num(x[2], m.digits)}`;
  const label = `${r.id}, ${T[t].title}: ${m.label} ${num(x[0], m.digits)}${interval}, ${spoken}`;
  return h(
    "td",
    { class: best ? "best" : null },
    h(
      "button",
      { ...attributes, "aria-label": label },
      h("span", { class: "r" }, c.f ? `${c.n}/${c.n + c.f}` : text),
      h("span", { class: "v" }, num(x[0], m.digits)),
      intervalBar(axis, x, reference),
    ),
  );
}
/* Why a cell has no number by the chosen metric. */
const whyBlank = (c) => (c.s === "ok" ? c.no?.[S.m] : c.why) || "The record gives no reason.";

function columnHead(key, label, sub, title, kind) {
  const on = S.s.replace(/\.r$/, "") === key;
  const reversed = S.s.endsWith(".r");
  const sort = () => {
    set({ s: on && !reversed ? key + ".r" : key }, "table");
    $("mx")
      .querySelector(`[data-sort="${CSS.escape(key)}"]`)
      ?.focus();
    say(`Sorted by ${label}`);
  };
  return h(
    "th",
    { scope: "col", class: kind, "aria-sort": on ? (reversed ? "descending" : "ascending") : null },
    h(
      "button",
      { type: "button", class: "plain", "data-sort": key, title, onclick: sort },
      label,
      h("span", { class: "arr", "aria-hidden": "true" }, on ? (reversed ? "▴" : "▾") : ""),
      sub && h("span", { class: "sub" }, sub),
    ),
  );
}
function rowHead(r) {
  const choose = (e) => {
    const rest = S.sel.filter((x) => x !== r.id);
    set({ sel: e.target.checked ? [...rest, r.id].slice(-9) : rest }, "viewer");
  };
  const about = [r.base || r.preset];
  if (!r.base && !r.ranked && r.n) about.push(`n ${r.n}`);
  about.push(r.earlier && "earlier settings", folderOf(r));
  const words = about.filter(Boolean).join(", ");
  return h(
    "th",
    { scope: "row" },
    h(
      "div",
      { class: "rh" },
      h("input", {
        type: "checkbox",
        checked: S.sel.includes(r.id),
        "aria-label": `Show ${r.id} in the viewer`,
        onchange: choose,
      }),
      glyph(r.id),
      h("span", { class: "nm" }, r.id),
      h("span", { class: "sub" }, words, r.state && [words && ", ", def(r.state, r.certificate)]),
    ),
  );
}
function tableRow(r, axes) {
  const off = r.base || !r.ranked;
  const kind = [r.base && "base", off && "off"].filter(Boolean).join(" ");
  const mean = D.avg[S.m]?.[r.id];
  return h(
    "tr",
    { class: kind || null, "data-row": r.id },
    rowHead(r),
    h("td", { class: "num wide" }, r.nfe || "–", r.vjp ? h("span", { class: "sub" }, ` + ${r.vjp}`) : ""),
    D.common.length > 0 &&
      h(
        "td",
        { class: "num" },
        mean
          ? [num(mean[0], 1), h("span", { class: "sub wide" }, ` ${num(mean[1], 1)}–${num(mean[2], 1)}`)]
          : "–",
      ),
    D.tasks.map((t) => td(t.id, r, axes[t.id])),
  );
}
const BASELINES = D.rows.some((r) => r.base === "oracle")
  ? "Never ranked: baselines, anchors, and oracles: the best of several samples, picked with the truth"
  : "Baselines and anchors, never ranked";
const MEAN_RANK =
  "Average rank over the tasks, of the rows that are ranked on all of them; 95 % by resampling images. A dash: not " +
  "ranked on every task.";
function table() {
  const m = M[S.m];
  const groups = sorted();
  const axes = Object.fromEntries(D.tasks.map((t) => [t.id, m ? scale(t.id, S.m) : [0, 1]]));
  const columns = 2 + (D.common.length > 0) + D.tasks.length;
  const block = (title, rows) =>
    rows.length > 0 && [
      title && h("tr", { class: "sep" }, h("td", { colspan: columns }, h("span", {}, title))),
      rows.map((r) => tableRow(r, axes)),
    ];
  const sees = (t) => (t.sees[S.m] ? `sees ${t.sees[S.m]}` : "\u00a0");
  const reasons = [...new Set(groups[1].map((r) => r.why).filter(Boolean))];
  const others = !groups[0].length ? "Not ranked" : "Not ranked with the others";
  fill(
    $("mx"),
    h(
      "table",
      { class: "mx" },
      h("caption", { class: "vh" }, m ? `${m.label} of every row on every task` : "Every row on every task"),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          columnHead("name", "Solver"),
          columnHead("cost", "Passes", "forward + back", "Passes through the network per image", "wide"),
          D.common.length > 0 &&
            columnHead(
              "avg",
              "Mean rank",
              D.avg[S.m] ? plural(D.common.length, "task") : "not ranked",
              MEAN_RANK,
            ),
          D.tasks.map((t) => columnHead(t.id, t.short, sees(t), t.title)),
        ),
      ),
      h(
        "tbody",
        {},
        block("", groups[0]),
        block(`${others}: ${reasons.slice(0, 3).join("; ") || "nothing ranks them"}.`, groups[1]),
        block(`${BASELINES}.`, groups[2]),
      ),
    ),
  );
  tableFoot(groups.flat().length);
  fits();
  const first = $("mx").querySelector(".cell");
  if (first) first.tabIndex = 0;
}
const SEES =
  "The difference between two rows that this number of images would show in four of five such tables. Smaller " +
  "differences may exist.";
function tableFoot(n) {
  fill(
    $("mxfoot"),
    h("span", { id: "count" }, `${n} of ${plural(D.rows.length, "row")} shown`),
    n < D.rows.length && h("span", {}, "Ranks are among all ranked rows, shown or not."),
    h("span", {}, "Arrow keys move, Enter opens"),
    D.tasks.some((t) => t.sees[S.m]) &&
      h("span", {}, def("sees", SEES), ": smallest difference this n shows"),
    h("span", { class: "sp" }),
    D.metrics.length > 0 && button("Copy CSV", (e) => copy(csv(), e.target), { class: "btn np" }),
  );
}
/* An overflow box would catch position: sticky; the head stays in view where the table fits. */
function fits() {
  const box = $("mx");
  if (!box) return;
  box.classList.remove("fits");
  box.classList.toggle("fits", box.scrollWidth <= box.clientWidth);
}
addEventListener("resize", fits);

const STEPS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
$("matrix").addEventListener("keydown", (e) => {
  const from = e.target.closest?.(".cell");
  if (!from || !Object.hasOwn(STEPS, e.key)) return;
  e.preventDefault();
  const [down, right] = STEPS[e.key];
  const line = from.closest("tr");
  const lines = [...$("mx").querySelectorAll("tr[data-row]")];
  const column = [...line.cells].indexOf(from.parentNode) + right;
  const to = lines[lines.indexOf(line) + down]?.cells[column]?.querySelector(".cell");
  if (!to) return;
  from.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
  to.scrollIntoView({ block: "nearest", inline: "nearest" });
});
