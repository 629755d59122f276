/* Which places the data leave to each row: on this task, and in the mean over tasks. */

const RANK_LINE = 24;
const rankSpan = (x1, x2, y, width) =>
  s("line", {
    x1,
    x2,
    y1: y,
    y2: y,
    stroke: "var(--soft)",
    "stroke-width": width,
    "stroke-linecap": "round",
  });
/* One line a row: [row, middle, low, high, text]. */
function rankChart(lines, n, about, where) {
  const width = Math.max(320, Math.min(900, $("ranks").clientWidth || 900));
  const longest = Math.max(...lines.map((line) => line[4].length));
  const [left, right] = [Math.min(170, width * 0.36), 7.2 * longest + 16];
  const X = (place) => left + ((place - 1) / Math.max(1, n - 1)) * (width - left - right);
  const bottom = 14 + lines.length * RANK_LINE;
  const height = bottom + 40;
  const every = n > 24 ? 4 : n > 12 ? 2 : 1;
  const marks = Array.from({ length: n }, (_, k) => k + 1).filter((k) => (k - 1) % every === 0);
  const grid = marks.map((k) => [
    s("line", { class: "gr", x1: X(k), x2: X(k), y1: 6, y2: bottom }),
    s("text", { class: "s", x: X(k), y: bottom + 16, "text-anchor": "middle" }, k),
  ]);
  const fits = Math.floor(left / 7.2) - 3;
  const one = ([id, middle, low, high, text], k) => {
    const y = 14 + (k + 0.5) * RANK_LINE;
    return [
      s("text", { x: 0, y: y + 4 }, id.length > fits ? id.slice(0, fits - 1) + "…" : id),
      rankSpan(X(low), X(high), y, 5),
      s("g", { transform: `translate(${X(middle)} ${y})` }, mark(R[id])),
      s("text", { class: "s", x: width, y: y + 4, "text-anchor": "end" }, text),
    ];
  };
  const foot = s("text", { class: "s", x: 0, y: height - 4 }, where);
  return plot(width, height, about, grid, lines.map(one), foot);
}
function ranks() {
  const box = $("ranks");
  const m = M[S.m];
  const f = m && family(S.t, S.m);
  const average = D.avg[S.m];
  const title = h("h2", { id: "ranks-h" }, "Places that the data leave");
  if (!f && !average) {
    const why =
      m && !m.better
        ? "neither direction of this metric is better"
        : hasFloor()
          ? "exact suites compare rows with exact samples, not with each other"
          : "no two rows are compared here";
    fill(box, title, h("p", { class: "note" }, `Nothing to draw: ${why}.`));
    return;
  }
  const parts = [];
  if (f) {
    const lines = f.rows.map((r) => [r, ...f.rank[r], rangeText(f.rank[r])]);
    const picture = rankChart(
      lines,
      f.rows.length,
      `Rank ranges by ${m.label}, ${T[S.t].title}`,
      T[S.t].where,
    );
    const save = button("Save SVG", () => saveSvg(picture, `${D.meta.suite}_${S.t}_${S.m}_ranks.svg`));
    parts.push(h("h3", {}, `${T[S.t].title}, by ${m.label}`), picture, h("div", { class: "row np" }, save));
  }
  if (average) {
    const rows = Object.entries(average).sort((p, q) => p[1][0] - q[1][0]);
    const lines = rows.map(([r, x]) => [r, ...x, `${num(x[0], 1)} [${num(x[1], 1)}, ${num(x[2], 1)}]`]);
    const where = `mean over ${plural(D.common.length, "task")}; 95 % by resampling images`;
    parts.push(
      h("h3", {}, `Mean rank by ${m.label}`),
      rankChart(lines, rows.length, `Mean ranks by ${m.label}`, where),
    );
  }
  const note =
    "A bar spans the places that are possible for a row, all pairs of a task judged together at 95 %; the mark is " +
    "the place of its mean. Rows whose bars overlap need not be equal: see what a task “sees”.";
  fill(box, title, h("p", { class: "note" }, note), parts);
}
