/* Two rows, image by image. */

const pairMetric = () => (M[S.m]?.scale ? M[S.m] : D.metrics.find((m) => m.scale));
function pairPoints(m) {
  if (!m || !S.a || !S.c) return [];
  const found = [];
  T[S.t].images.forEach((id, i) => {
    const [a, c] = [per(S.t, S.a, m.id, i), per(S.t, S.c, m.id, i)];
    if (a == null || c == null) return;
    found.push({ id, i, a, c, d: a === c ? 0 : a - c });
  });
  return found;
}
function pick(key, m) {
  const [now, other] = key === "a" ? [S.a, S.c] : [S.c, S.a];
  const choose = (e) => {
    const value = e.target.value;
    set(value === other ? { a: S.c, c: S.a } : { [key]: value }, "pair");
    $("pick-" + key).focus();
  };
  const rows = D.rows.filter((r) => cell(S.t, r.id).v?.[m.id]);
  const options = rows.map((r) => h("option", { value: r.id, selected: r.id === now }, r.id));
  const label = key === "a" ? "First row" : "Second row";
  return h("select", { "aria-label": label, id: "pick-" + key, onchange: choose }, options);
}
function openImage(p) {
  if (p.i >= D.npics || !has(S.a)) return;
  set({ i: p.i, v: S.a, w: S.c, k: "", sel: [...new Set([...S.sel.slice(0, 7), S.a, S.c])] }, "viewer");
  $("viewer").scrollIntoView();
  C.stage?.focus({ preventScroll: true });
}
const VALUE = {
  d: (p) => -p.d,
  dr: (p) => p.d,
  ad: (p) => -Math.abs(p.d),
  a: (p) => -p.a,
  c: (p) => -p.c,
  n: (p) => p.i,
};
function pairHead(key, label) {
  const on = S.ps === key || (key === "d" && S.ps === "dr");
  const sort = () => {
    set({ ps: key === "d" && S.ps === "d" ? "dr" : key }, "pair");
    $("pair").querySelector(`[data-ps="${key}"]`).focus();
  };
  const up = S.ps === "dr" || (on && key === "n");
  return h(
    "th",
    { scope: "col", "aria-sort": on ? (up ? "ascending" : "descending") : null },
    h(
      "button",
      { type: "button", class: "plain", "data-ps": key, onclick: sort },
      label,
      h("span", { class: "arr", "aria-hidden": "true" }, on ? (up ? " ▴" : " ▾") : ""),
    ),
  );
}
function pairTable(points, m) {
  const by = VALUE[S.ps] ?? VALUE.d;
  const lines = [...points].sort((p, q) => by(p) - by(q) || p.i - q.i);
  const finite = points.map((p) => Math.abs(p.d)).filter(Number.isFinite);
  const most = Math.max(...finite, 0) || 1;
  const bar = (d) => {
    const width = Math.min(48, (Math.abs(d) / most) * 48);
    const inside = d > 0 ? "var(--ink)" : "var(--paper)";
    return s(
      "svg",
      { viewBox: "-50 0 100 14", "aria-hidden": "true" },
      s("line", { class: "ax", x1: 0, x2: 0, y1: 0, y2: 14 }),
      s("rect", {
        x: d < 0 ? -width : 0,
        y: 4,
        width,
        height: 6,
        fill: inside,
        stroke: "var(--ink)",
        "stroke-width": 1,
      }),
    );
  };
  const pictured = (p) => p.i < D.npics && has("@truth");
  const name = (p) =>
    pictured(p)
      ? h(
          "button",
          { type: "button", class: "plain", "aria-label": `Show ${p.id}` },
          h("canvas", { width: 1, height: 1, "data-pic": p.i }),
          p.id,
        )
      : p.id;
  const line = (p) =>
    h(
      "tr",
      {
        "data-i": p.i,
        class: pictured(p) ? "open" : null,
        onclick: () => openImage(p),
        onmouseenter: () => hit(p.i),
        onmouseleave: () => hit(-1),
      },
      h("td", {}, name(p)),
      h("td", {}, num(p.a, m.digits)),
      h("td", {}, num(p.c, m.digits)),
      h("td", {}, num(p.d, m.digits, 1), " ", bar(p.d)),
    );
  const body = h("tbody", {}, lines.map(line));
  thumbnails(body);
  return h(
    "div",
    { class: "pt", tabindex: 0, role: "region", "aria-label": `Values of every ${T[S.t].unit}` },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          pairHead("n", T[S.t].unit === "image" ? "Image" : "Problem"),
          pairHead("a", S.a),
          pairHead("c", S.c),
          pairHead("d", "Difference"),
        ),
      ),
      body,
    ),
  );
}
async function thumbnails(body) {
  const pictures = await sheet(S.t, "@truth");
  for (const canvas of body.querySelectorAll("[data-pic]")) {
    const d = pictures[canvas.dataset.pic];
    if (!d) continue;
    canvas.width = d.width;
    canvas.height = d.height;
    canvas.getContext("2d").putImageData(d, 0, 0);
  }
}
function pairSentence(points, m) {
  const g = gap(S.t, m.id, S.a, S.c);
  const mean = points.reduce((sum, p) => sum + p.d, 0) / points.length;
  const wins = points.filter((p) => p.d * (m.better || 1) > 0).length;
  const margin = family(S.t, m.id)?.margin;
  let verdict = " – not separated";
  if (g && (g[1] > 0 || g[2] < 0)) verdict = g[0] * m.better > 0 ? " – better" : " – worse";
  else if (g && margin && Math.max(-g[1], g[2]) < margin)
    verdict = ` – equivalent within ${margin}${unit(m)}`;
  const note = g
    ? `simultaneous 95 % over all pairs of this task${verdict}`
    : `means over the same ${T[S.t].unit}s; not part of the simultaneous comparison`;
  const share = `. Better on ${wins} of ${plural(points.length, T[S.t].unit)} (${Math.round((100 * wins) / points.length)} %).`;
  return h(
    "p",
    {},
    h("b", {}, `${S.a} − ${S.c}: `),
    g ? gapText(g, m) : num(mean, m.digits, 1) + unit(m),
    ` ${m.label}`,
    small(` (${note})`),
    m.better ? share : ".",
  );
}
function pair() {
  const m = pairMetric();
  const points = pairPoints(m);
  const title = h("h2", { id: "pair-h" }, `Two rows, ${T[S.t].unit} by ${T[S.t].unit}`);
  if (!points.length) {
    const why = `Nothing to show: this needs two rows with values for the same ${T[S.t].unit}s, and this task has none.`;
    fill($("pair"), title, h("p", { class: "note" }, why));
    return;
  }
  fill(
    $("pair"),
    title,
    h(
      "div",
      { class: "bar" },
      glyph(S.a),
      pick("a", m),
      button("⇄ swap", () => set({ a: S.c, c: S.a }, "pair"), { class: "btn np" }),
      glyph(S.c),
      pick("c", m),
    ),
    pairSentence(points, m),
    h("div", { class: "two" }, scatter(points, m), pairTable(points, m)),
  );
}
function hit(i) {
  for (const one of $("pair").querySelectorAll(".hit")) one.classList.remove("hit");
  if (i >= 0) for (const one of $("pair").querySelectorAll(`[data-i="${i}"]`)) one.classList.add("hit");
}
