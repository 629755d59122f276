/* One dot per image: the first row against the second. */

function ticks(lo, hi, n) {
  const raw = (hi - lo) / n || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((k) => k >= raw * (1 - 1e-9));
  const found = [];
  for (let v = Math.ceil(lo / step - 1e-9) * step; v <= hi + 1e-9 * step; v += step)
    found.push(+v.toPrecision(10));
  return found;
}
/* Digits that tell the ticks apart. */
function tickDigits(marks) {
  const step = marks.length > 1 ? Math.abs(marks[1] - marks[0]) : 1;
  for (let digits = 0; digits < 6; digits++) {
    const scaled = step * 10 ** digits;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6) return digits;
  }
  return 6;
}
const SIDE = 420;
const EDGE = 46;
function scatter(points, m) {
  const finite = points.filter((p) => Number.isFinite(p.a) && Number.isFinite(p.c));
  if (!finite.length) return h("p", { class: "note" }, "No finite pair to draw; the table has the values.");
  const all = finite.flatMap((p) => [p.a, p.c]).sort((p, q) => p - q);
  const [lo, hi] = [all[0], all.at(-1)];
  const pad = (hi - lo) * 0.04 || 1;
  const length = SIDE - EDGE - 8;
  const share = (v) => ((v - lo + pad) / (hi - lo + 2 * pad)) * length;
  const X = (v) => EDGE + share(v);
  const Y = (v) => SIDE - EDGE - share(v);
  const marks = ticks(lo, hi, 5);
  const digits = tickDigits(marks);
  const word = m.better < 0 ? "higher (worse)" : m.better ? "better" : "higher";
  const wins = finite.filter((p) => p.d * (m.better || 1) > 0).length;
  const about =
    `${m.label} of every image: ${S.a} against ${S.c}; ${S.a} is better on ${wins} of ${finite.length}. ` +
    "The table beside holds the values.";
  const grid = marks.map((v) => [
    s("line", { class: "gr", x1: X(v), x2: X(v), y1: 8, y2: SIDE - EDGE }),
    s("line", { class: "gr", x1: EDGE, x2: SIDE - 8, y1: Y(v), y2: Y(v) }),
    s("text", { class: "s", x: X(v), y: SIDE - EDGE + 16, "text-anchor": "middle" }, num(v, digits)),
    s("text", { class: "s", x: EDGE - 6, y: Y(v) + 4, "text-anchor": "end" }, num(v, digits)),
  ]);
  const text = (p) =>
    `${p.id}: ${S.a} ${num(p.a, m.digits)}, ${S.c} ${num(p.c, m.digits)}, difference ${num(p.d, m.digits, 1)}`;
  const dot = (p) =>
    s(
      "circle",
      {
        class: "dot",
        "data-i": p.i,
        cx: X(p.c),
        cy: Y(p.a),
        r: 4,
        onclick: () => openImage(p),
        onmouseenter: () => hit(p.i),
        onmouseleave: () => hit(-1),
      },
      s("title", {}, text(p)),
    );
  const extreme = [
    finite.reduce((p, q) => (q.d > p.d ? q : p)),
    finite.reduce((p, q) => (q.d < p.d ? q : p)),
  ];
  const name = (p) => {
    const left = X(p.c) > SIDE * 0.7;
    const at = { x: X(p.c) + (left ? -8 : 8), y: Y(p.a) - 6, "text-anchor": left ? "end" : "start" };
    return s("text", { class: "s", ...at, ...HALO }, p.id);
  };
  const middle = (SIDE - EDGE) / 2;
  return s(
    "svg",
    { class: "plot wide-plot", viewBox: `0 0 ${SIDE} ${SIDE}`, role: "img", "aria-label": about },
    grid,
    s("line", { class: "ax", x1: X(lo), y1: Y(lo), x2: X(hi), y2: Y(hi), "stroke-width": 1.5 }),
    s("text", { x: EDGE + 8, y: 24 }, `${S.a} ${word}`),
    s("text", { x: SIDE - 12, y: SIDE - EDGE - 10, "text-anchor": "end" }, `${S.c} ${word}`),
    finite.map(dot),
    [...new Set(extreme)].map(name),
    s("text", { x: (SIDE + EDGE) / 2, y: SIDE - 8, "text-anchor": "middle" }, `${S.c}, ${m.label}${unit(m)}`),
    s(
      "text",
      { x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` },
      `${S.a}, ${m.label}${unit(m)}`,
    ),
  );
}
