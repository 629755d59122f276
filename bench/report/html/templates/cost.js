/* Quality against passes through the network. */

const NARROW = 640; /* a scaled-down plot is unreadable: a list instead */
let costWidth = 0;

function costRows() {
  return D.rows.filter((r) => {
    const x = !r.base && val(S.t, r.id, S.m);
    return x && Number.isFinite(x[0]);
  });
}
function costAxis() {
  const [from, to] = scale(S.t, S.m);
  const pad = (to - from) * 0.06 || 1;
  const [lo, hi] = [from - pad, to + pad];
  return { lo, hi, cut: (v) => (v < lo ? -1 : v > hi ? 1 : 0), inside: (v) => Math.min(hi, Math.max(lo, v)) };
}
function costList(rows, axis, width, m) {
  const [left, right] = [124, 52];
  const X = (v) => left + ((axis.inside(v) - axis.lo) / (axis.hi - axis.lo)) * (width - left - right);
  const mean = (r) => val(S.t, r.id, S.m)[0];
  const lines = [...rows].sort(
    (p, r) => cost(S.t, p.id) - cost(S.t, r.id) || (mean(r) - mean(p)) * (m.better || 1),
  );
  const marks = ticks(axis.lo, axis.hi, 4);
  const parts = [];
  let y = 16;
  let last;
  for (const r of lines) {
    const c = cost(S.t, r.id);
    if (c !== last) {
      last = c;
      y += 12;
      parts.push(s("text", { class: "s", x: 0, y: y + 4 }, plural(c, "pass").replace("passs", "passes")));
      parts.push(s("line", { class: "gr", x1: left, x2: width, y1: y, y2: y }));
      y += 22;
    }
    const v = val(S.t, r.id, S.m);
    const cut = axis.cut(v[0]);
    const line = {
      x1: X(v[1] ?? v[0]),
      x2: X(v[2] ?? v[0]),
      y1: y,
      y2: y,
      stroke: "var(--soft)",
      "stroke-width": 1.4,
    };
    const sign = cut < 0 ? "← " : cut > 0 ? "→ " : "";
    parts.push(
      s("text", { x: 4, y: y + 4 }, r.id.length > 16 ? r.id.slice(0, 15) + "…" : r.id),
      !cut && s("line", line),
      s("g", { transform: `translate(${X(v[0])} ${y})` }, mark(r)),
      s("text", { x: width, y: y + 4, "text-anchor": "end" }, sign + num(v[0], m.digits)),
    );
    y += 22;
  }
  const height = y + 34;
  const grid = marks.map((v) => [
    s("line", { class: "gr", x1: X(v), x2: X(v), y1: 16, y2: y }),
    s("text", { class: "s", x: X(v), y: y + 14, "text-anchor": "middle" }, num(v, tickDigits(marks))),
  ]);
  const name = s("text", { class: "s", x: 0, y: height - 4 }, m.label + arrow(m) + unit(m));
  return plot(width, height, `${m.label} by passes`, grid, parts, name);
}
const plot = (width, height, about, ...parts) =>
  s(
    "svg",
    {
      class: "plot",
      width,
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `${about}; the table of solvers by task holds the values.`,
    },
    parts,
  );

/* Labels of rows with the same number of passes are pushed apart, and joined to their marks by a hairline. */
const LINE = 17;
function apart(ys, lowest) {
  const found = [...ys];
  for (let p = 1; p < found.length; p++) found[p] = Math.max(found[p], found[p - 1] + LINE);
  if (found.at(-1) > lowest) {
    found[found.length - 1] = lowest;
    for (let p = found.length - 2; p >= 0; p--) found[p] = Math.min(found[p], found[p + 1] - LINE);
  }
  return found;
}
function costColumn(rows, x, side, frame, axis, m) {
  const means = rows.map((r) => frame.Y(val(S.t, r.id, S.m)[0]));
  const ys = apart(means, frame.bottom - 6);
  const step = Math.min(12, 66 / rows.length);
  const edge = x + side * ((step * (rows.length - 1)) / 2 + 12);
  const textX = edge + side * 16;
  const [lines, marks] = [[], []];
  rows.forEach((r, p) => {
    const v = val(S.t, r.id, S.m);
    const cut = axis.cut(v[0]);
    const at = [x + (p - (rows.length - 1) / 2) * step, means[p]];
    frame.where[r.id] = at;
    if (!cut && v[1] != null) {
      const ends = { x1: at[0], x2: at[0], y1: frame.Y(v[1]), y2: frame.Y(v[2]) };
      marks.push(s("line", { ...ends, stroke: "var(--soft)", "stroke-width": 1 }));
    }
    const d = `M${at[0]} ${at[1]}L${edge} ${at[1]}L${textX - side * 3} ${ys[p]}`;
    lines.push(s("path", { d, fill: "none", class: "ax", "stroke-width": 0.8 }));
    const text = r.id + (cut ? ` ${cut < 0 ? "↓" : "↑"} ${num(v[0], m.digits)}` : "");
    const anchor = side < 0 ? "end" : "start";
    marks.push(
      s("g", { transform: `translate(${at[0]} ${at[1]})` }, mark(r, 1.1)),
      s(
        "text",
        { x: textX, y: ys[p] + 4, "text-anchor": anchor, ...HALO },
        text,
        cell(S.t, r.id).n !== T[S.t].n && s("tspan", { class: "s" }, `, n ${cell(S.t, r.id).n}`),
      ),
    );
  });
  return [lines, marks];
}
/* Width of a letter of a name, and of the hairline before it. */
const LETTER = 6.6;
const HAIR = 40;
function costChart(rows, axis, width, m) {
  const [left, below, right] = [52, 46, 150];
  const height = Math.round(Math.min(520, Math.max(width * 0.4, 300)));
  const bottom = height - below;
  const costs = rows.map((r) => cost(S.t, r.id));
  const [x0, x1] = [Math.log10(Math.min(...costs) / 1.25), Math.log10(Math.max(...costs) * 1.1)];
  const X = (c) => left + ((Math.log10(c) - x0) / (x1 - x0)) * (width - left - right);
  const Y = (v) => bottom - ((axis.inside(v) - axis.lo) / (axis.hi - axis.lo)) * (bottom - 26);
  const frame = { Y, bottom, where: {} };
  const marks = ticks(axis.lo, axis.hi, 6);
  const grid = marks.map((v) => [
    s("line", { class: "gr", x1: left, x2: width, y1: Y(v), y2: Y(v) }),
    s("text", { class: "s", x: left - 8, y: Y(v) + 4, "text-anchor": "end" }, num(v, tickDigits(marks))),
  ]);
  const at = [...new Set(costs)].sort((p, q) => p - q);
  const axisMarks = at.map((c) => [
    s("line", { class: "ax", x1: X(c), x2: X(c), y1: bottom, y2: bottom + 5 }),
    s("text", { class: "s", x: X(c), y: bottom + 19, "text-anchor": "middle" }, c),
  ]);
  const [lines, points] = [[], []];
  let taken = left;
  at.forEach((c, k) => {
    const before = X(c) - taken;
    const after = k + 1 < at.length ? X(at[k + 1]) - X(c) : right + 40;
    const column = rows.filter((r) => cost(S.t, r.id) === c);
    column.sort((p, q) => Y(val(S.t, p.id, S.m)[0]) - Y(val(S.t, q.id, S.m)[0]));
    const side = before > after ? -1 : 1;
    taken = X(c) + (side > 0 ? Math.max(...column.map((r) => r.id.length)) * LETTER + HAIR : 0);
    const [hairs, dots] = costColumn(column, X(c), side, frame, axis, m);
    lines.push(hairs);
    points.push(dots);
  });
  return plot(
    width,
    height,
    `${m.label} against passes`,
    grid,
    axisMarks,
    lines,
    budgets(rows, frame.where),
    s("line", { class: "ax", x1: left, x2: width, y1: bottom, y2: bottom }),
    points,
    s(
      "text",
      { x: left, y: height - 5 },
      "passes per image, log scale",
      s("tspan", { class: "s" }, `, ${T[S.t].where}`),
    ),
    s("text", { x: 0, y: 11 }, m.label + arrow(m) + (m.unit ? ", " + m.unit : "")),
  );
}
/* Rows that differ in their steps alone are joined: of others a line would show what no budget gives. */
function budgets(rows, where) {
  const groups = {};
  for (const r of rows) {
    const others = Object.entries(cell(S.t, r.id).params ?? {}).filter(([name]) => name !== "steps");
    (groups[JSON.stringify([r.solver, others.sort()])] ??= []).push(r);
  }
  const steps = (r) => cell(S.t, r.id).params?.steps;
  const joined = Object.values(groups).filter((group) => new Set(group.map(steps)).size > 1);
  return joined.map((group) => {
    group.sort((p, r) => cost(S.t, p.id) - cost(S.t, r.id));
    const points = group.map((r) => where[r.id].join(",")).join(" ");
    const stroke = group[0].hue < 0 ? "var(--hb)" : `var(--h${group[0].hue % 6})`;
    return s("polyline", { points, fill: "none", stroke, "stroke-width": 1.3, "stroke-dasharray": "2 4" });
  });
}
function costPlot() {
  const box = $("cost");
  const m = M[S.m];
  const title = h("h2", { id: "cost-h" }, "Quality against cost");
  const rows = m ? costRows() : [];
  if (!rows.length) {
    fill(box, title, h("p", { class: "note" }, "Nothing to draw: no row has a value here."));
    return;
  }
  costWidth = Math.max(320, box.clientWidth || 900);
  const axis = costAxis();
  const note =
    "Passes through the network per image, forward and backward counted alike: no machine changes them. Seconds " +
    "are in each popover and compare only within one machine. Dotted lines join rows that differ in their number " +
    "of steps alone; rows beyond the axis carry their number.";
  const picture =
    costWidth < NARROW ? costList(rows, axis, costWidth, m) : costChart(rows, axis, costWidth, m);
  const save = button("Save SVG", () => saveSvg(picture, `${D.meta.suite}_${S.t}_${S.m}_cost.svg`));
  fill(box, title, h("p", { class: "note" }, note), picture, h("div", { class: "row np" }, save));
}
new ResizeObserver(() => {
  const width = Math.max(320, $("cost").clientWidth);
  if (costWidth && Math.abs(width - costWidth) > 4) {
    costPlot();
    ranks();
  }
}).observe($("cost"));

/* A figure on its own: colours written out, since a file has no style sheet. */
function saveSvg(picture, name) {
  const colours = getComputedStyle(document.documentElement);
  const of = (key) => colours.getPropertyValue(key).trim();
  const text = new XMLSerializer()
    .serializeToString(picture)
    .replace(/var\((--[a-z0-9]+)\)/g, (_, key) => of(key));
  const style =
    `<style>text{font:12px sans-serif;fill:${of("--ink")}}.s{fill:${of("--soft")}}` +
    `.gr{stroke:${of("--line")}}.ax{stroke:${of("--line2")}}</style>`;
  const address = URL.createObjectURL(new Blob([text.replace(">", ">" + style)], { type: "image/svg+xml" }));
  h("a", { href: address, download: name.replace(/[^\w.-]+/g, "-") }).click();
  setTimeout(() => URL.revokeObjectURL(address), 5000);
}
