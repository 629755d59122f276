/* The estimate on the way: PSNR and misfit after every step, where a run kept them. */

const STEP_LABELS = {
  psnr: ["PSNR of x0", "dB", 1],
  misfit: ["Misfit of x0", "", 2],
  residual: ["Residual of x0", "", 4],
};
const trajectory = (t, r) => D.traj[t]?.[r];
const walked = (t) => D.rows.filter((r) => trajectory(t, r.id));
/* A metric of a row as points [passes, low, middle, high]. */
function stepPoints(t, r, metric, image = -1) {
  const one = trajectory(t, r.id);
  const own = image < 0 ? null : one.each[metric]?.[image];
  if (!one.q[metric] || (image >= 0 && !own)) return [];
  const [low, middle, high] = own ? [own, own, own] : one.q[metric];
  const known = (v) => v != null && Number.isFinite(real(v));
  const points = one.passes.map((p, k) => [Math.max(1, p), low[k], middle[k], high[k]]);
  return points.filter((point) => point.slice(1).every(known));
}
const stepMetrics = (t, rows) => Object.keys(trajectory(t, rows[0].id).q);

function stepAxes(series, metric, box) {
  const logarithmic = metric !== "psnr";
  const of = logarithmic ? Math.log10 : (v) => v;
  const xs = series.flatMap((one) => one.points.map((p) => p[0]));
  const ys = series.flatMap((one) => one.points.flatMap((p) => [of(p[1]), of(p[3])]));
  const [x1, lo, hi] = [Math.max(2, ...xs), Math.min(...ys), Math.max(...ys)];
  const pad = (hi - lo) * 0.05 || 0.5;
  const span = hi - lo + 2 * pad;
  const X = (v) => box.left + (Math.log10(v) / Math.log10(x1)) * (box.right - box.left);
  const Y = (v) => box.bottom - ((of(v) - lo + pad) / span) * (box.bottom - box.top);
  const decades = [];
  for (let k = -6; k < 7; k++) for (const m of [1, 2, 5]) decades.push(+(m * 10 ** k).toPrecision(1));
  const within = (v) => of(v) >= lo - pad && of(v) <= hi + pad;
  const marks = logarithmic ? decades.filter(within) : ticks(lo - pad, hi + pad, 5);
  const coarse = logarithmic && marks.length > 6 ? marks.filter((v) => /^0?\.?0*1/.test(String(v))) : marks;
  return { X, Y, marks: coarse.length ? coarse : marks, across: decades.filter((v) => v >= 1 && v <= x1) };
}
const colourOf = (r) => (r.hue < 0 ? "var(--hb)" : `var(--h${r.hue % 6})`);
function stepLine({ r, points, faint }, axes) {
  const at = (p, k) => `${axes.X(p[0]).toFixed(1)},${axes.Y(p[k]).toFixed(1)}`;
  const middle = points.map((p) => at(p, 2)).join(" ");
  const band = [...points.map((p) => at(p, 3)), ...[...points].reverse().map((p) => at(p, 1))].join(" ");
  const dashes = r.variant > 1 ? "2 3" : r.variant ? "7 3" : null;
  return [
    !faint && s("polygon", { points: band, fill: colourOf(r), "fill-opacity": 0.16 }),
    s("polyline", {
      points: middle,
      fill: "none",
      stroke: faint ? "var(--line2)" : colourOf(r),
      "stroke-width": faint ? 1 : 1.7,
      "stroke-dasharray": dashes,
    }),
  ];
}
/* Names stand at the ends of the lines, right or left of them, where no other name or mark is. */
function stepNames(series, axes, box) {
  const ends = series
    .filter((one) => !one.faint)
    .map(({ r, points }) => ({ r, x: axes.X(points.at(-1)[0]), y: axes.Y(points.at(-1)[2]) }))
    .sort((p, q) => q.x - p.x || p.y - q.y);
  const taken = ends.map(({ x, y }) => [x - 7, x + 7, y - 5, y + 5]);
  const free = ([a, b, c, d]) => taken.every(([e, f, g, k]) => b <= e || a >= f || d <= g || c >= k);
  const short = (id) => (id.length > box.letters ? id.slice(0, box.letters - 1) + "…" : id);
  const shifts = [0, 8, -8, 15, -15, 23, -23, 30, -30, 45, -45, 60, -60, 75, 90];
  return ends.map(({ r, x, y }) => {
    const text = short(r.id);
    const place = (side, shift) => {
      const [from, to] = [x + side * 11, x + side * (11 + 7 * text.length)];
      return { side, shift, area: [Math.min(from, to), Math.max(from, to), y + shift - 7, y + shift + 7] };
    };
    const price = (one) => Math.abs(one.shift) + (one.side < 0 ? 32 : 0);
    const places = shifts.flatMap((shift) => [place(1, shift), place(-1, shift)]);
    places.sort((p, q) => price(p) - price(q));
    const inside = ({ area }) => area[0] > box.left && area[2] > 12 && area[3] < box.bottom;
    const { side, shift, area } = places.find((one) => inside(one) && free(one.area)) ?? places[0];
    taken.push(area);
    const anchor = side < 0 ? "end" : "start";
    return [
      shift !== 0 && s("line", { class: "ax", x1: x, y1: y, x2: x + side * 10, y2: y + shift }),
      s("g", { transform: `translate(${x} ${y})` }, mark(r, 0.9)),
      s("text", { x: x + side * 12, y: y + shift + 4, "text-anchor": anchor, ...HALO }, text),
    ];
  });
}
function stepChart(series, metric, width, height, about, where) {
  const letters = width < 420 ? 12 : 16;
  const box = { left: 44, right: width - 7.2 * letters - 14, top: 24, bottom: height - 42, letters };
  const axes = stepAxes(series, metric, box);
  const [label, unitOf] = STEP_LABELS[metric];
  const digits = metric === "psnr" ? tickDigits(axes.marks) : null;
  const text = (v) => (digits == null ? String(v) : num(v, digits));
  const grid = axes.marks.map((v) => [
    s("line", { class: "gr", x1: box.left, x2: box.right, y1: axes.Y(v), y2: axes.Y(v) }),
    s("text", { class: "s", x: box.left - 6, y: axes.Y(v) + 4, "text-anchor": "end" }, text(v)),
  ]);
  const room = (box.right - box.left) / Math.max(1, axes.across.length);
  const shownAt = room < 26 ? axes.across.filter((v) => /^10*$/.test(String(v))) : axes.across;
  const below = shownAt.map((v) => [
    s("line", { class: "ax", x1: axes.X(v), x2: axes.X(v), y1: box.bottom, y2: box.bottom + 4 }),
    s("text", { class: "s", x: axes.X(v), y: box.bottom + 17, "text-anchor": "middle" }, v),
  ]);
  const one = metric === "misfit" && axes.Y(1) > box.top && axes.Y(1) < box.bottom;
  return s(
    "svg",
    { class: "plot", width, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": about },
    grid,
    below,
    s("line", { class: "ax", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }),
    one &&
      s("line", {
        x1: box.left,
        x2: box.right,
        y1: axes.Y(1),
        y2: axes.Y(1),
        stroke: "var(--soft)",
        "stroke-dasharray": "5 3",
      }),
    series.map((line) => stepLine(line, axes)),
    stepNames(series, axes, box),
    s("text", { x: 0, y: 12 }, label + (unitOf ? ", " + unitOf : "")),
    s("text", { class: "s", x: box.left, y: height - 5 }, where),
  );
}
function stepSeries(metric, image = -1) {
  const rows = walked(S.t);
  const ticked = rows.filter((r) => S.sel.includes(r.id));
  const strong = ticked.length ? ticked : rows;
  /* A log axis has no zero. */
  const drawn = (p) => metric === "psnr" || p[1] > 0;
  const points = (r) => stepPoints(S.t, r, metric, image).filter(drawn);
  const all = rows.map((r) => ({ r, points: points(r), faint: !strong.includes(r) }));
  /* Faint lines lie below the others. */
  return all.filter((one) => one.points.length).sort((p, q) => q.faint - p.faint);
}

/* The values of a row when a quarter, half, three quarters and all of its passes are made. */
const PARTS_OF = [0.25, 0.5, 0.75, 1];
function stepCells(r, metric) {
  const points = stepPoints(S.t, r, metric);
  const digits = STEP_LABELS[metric][2];
  if (!points.length) return PARTS_OF.map(() => h("td", {}, "–"));
  const last = points.at(-1);
  return PARTS_OF.map((part) => {
    const p = points.findLast((point) => point[0] <= part * last[0] + 1e-9) ?? points[0];
    const range = part === 1 && h("span", { class: "sub" }, ` ${num(p[1], digits)}–${num(p[3], digits)}`);
    return h("td", {}, num(p[2], digits), range);
  });
}
function stepTable(rows, metrics) {
  const head = (text, more = {}) => h("th", { scope: "col", ...more }, text);
  const names = metrics.map((metric) => {
    const [label, unitOf] = STEP_LABELS[metric];
    return head(label + (unitOf ? ", " + unitOf : ""), { colspan: PARTS_OF.length, scope: "colgroup" });
  });
  const parts = metrics.map(() => ["at ¼", "½", "¾", "end, quartiles"].map((text) => head(text)));
  const tall = { rowspan: 2 };
  const line = (r) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, glyph(r.id), " ", r.id),
      h("td", {}, trajectory(S.t, r.id).n),
      h("td", {}, num(trajectory(S.t, r.id).passes.at(-1), 0)),
      metrics.map((metric) => stepCells(r, metric)),
    );
  return wideTable(
    "Estimates on the way",
    h("caption", { class: "vh" }, "PSNR and misfit of the estimate by share of the passes, medians"),
    h(
      "thead",
      {},
      h("tr", {}, head("Row", tall), head("Images", tall), head("Passes", tall), names),
      h("tr", {}, parts),
    ),
    h("tbody", {}, rows.map(line)),
  );
}
const STEPS_NOTE =
  "The estimate x0 after every step: the median over images, in a band of their quartiles, against passes " +
  "through the network, forward and backward counted alike. Ticked rows have colour, band and name, the others " +
  "a thin line. The end is that of x0; the table above is about the returned x, which may differ.";
let stepsWidth = 0;
function steps() {
  const box = $("steps");
  if (!D.tasks.some((t) => walked(t.id).length)) {
    box.hidden = true;
    return;
  }
  const title = h("h2", { id: "steps-h" }, "On the way");
  const rows = walked(S.t);
  if (!rows.length) {
    const why = "Nothing to draw: no record of this task was made with run --trajectory.";
    fill(box, title, h("p", { class: "note" }, why));
    return;
  }
  stepsWidth = Math.max(300, box.clientWidth || 900);
  const width = stepsWidth < 800 ? stepsWidth : Math.floor((stepsWidth - 24) / 2);
  const height = Math.round(Math.min(420, Math.max(280, width * 0.6)));
  const metrics = stepMetrics(S.t, rows);
  const charts = metrics.map((metric) => {
    const series = stepSeries(metric);
    const about = `${STEP_LABELS[metric][0]} against passes, ${T[S.t].title}; the table below holds the values.`;
    if (!series.length) return h("p", { class: "note" }, `${STEP_LABELS[metric][0]}: no finite value to draw.`);
    const where = `passes per image, log scale, ${T[S.t].where}`;
    const picture = stepChart(series, metric, width, height, about, width < 480 ? "passes, log scale" : where);
    const save = button("Save SVG", () => saveSvg(picture, `${D.meta.suite}_${S.t}_${metric}_steps.svg`));
    return h("div", {}, picture, h("div", { class: "row np" }, save));
  });
  const without = D.rows.filter((r) => !r.base && !rows.includes(r) && cell(S.t, r.id).n).map((r) => r.id);
  const missing = without.length > 0 && ` Without a trajectory: ${list(without)}.`;
  fill(box, title, h("p", { class: "note" }, STEPS_NOTE, missing), h("div", { class: "duo" }, charts), stepTable(rows, metrics));
}
new ResizeObserver(() => {
  const width = Math.max(300, $("steps").clientWidth);
  if (stepsWidth && Math.abs(width - stepsWidth) > 4) steps();
}).observe($("steps"));

/* Beside the picture: the same of this image alone. */
function stepsOfImage() {
  const rows = walked(S.t).filter((r) => picked().includes(r.id));
  if (!rows.length) return null;
  const metric = STEP_LABELS[C.metric] && trajectory(S.t, rows[0].id).q[C.metric] ? C.metric : "psnr";
  const series = stepSeries(metric, S.i).filter((one) => !one.faint);
  if (!series.length) return null;
  const label = `${STEP_LABELS[metric][0]} of image ${T[S.t].images[S.i]} on the way`;
  const about = `${label}; the table of “On the way” holds the medians.`;
  const width = Math.max(260, Math.min(420, C.panel.clientWidth || 320));
  const picture = stepChart(series, metric, width, 190, about, "passes, log scale");
  return h("div", { class: "ofimage" }, h("h3", {}, label), picture);
}
