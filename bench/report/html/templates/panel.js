/* The list beside the stage: keys, per-image numbers, pixel values, samples. */

const KEY_NAMES = [
  ["1 – 9", "row"],
  ["space", "last two"],
  ["T", "truth"],
  ["Y", "measurement"],
  ["E", "error"],
  ["D", "A − B"],
  ["← →", "image"],
  ["↑ ↓", "next row"],
  ["S", "slider"],
  ["G", "side by side"],
  ["N", "sample"],
  ["+ − 0", "zoom, fit"],
];
function stepper() {
  const n = samplesOf(S.t, S.v).length;
  if (!n) return null;
  const items = [
    ["", "1"],
    ...SAMPLES.slice(1, n).map((k) => [k, k]),
    ["mean", "mean"],
    ["spread", "spread"],
  ];
  return h(
    "div",
    { class: "steps" },
    h("h3", {}, "Samples of this y"),
    choices("Sample", items, S.k, (k) => set({ k }, "paint")),
  );
}
function panelRow(what) {
  const m = M[C.metric];
  const key = { "@truth": "T", "@y": "Y" }[what] ?? String(picked().indexOf(what) + 1);
  const value = m && isRow(what) ? per(S.t, what, C.metric, S.i) : null;
  return h(
    "tr",
    { "aria-selected": String(what === S.v), onclick: () => show(what) },
    h("td", {}, h("kbd", {}, key)),
    h(
      "td",
      {},
      h("button", { type: "button", class: "plain" }, glyph(what), isRow(what) ? " " : "", nameOf(what)),
      isRow(what) && folderOf(R[what]) && small(" ", folderOf(R[what])),
    ),
    h("td", {}, value == null ? "" : num(value, m.digits)),
    h("td", { "data-px": what }),
  );
}
function panel() {
  const m = M[C.metric];
  const image = T[S.t].images[S.i];
  const without = S.sel.filter((r) => !has(r));
  /* A redraw must not take the focus of the sample buttons. */
  const focused = C.panel.contains(document.activeElement) ? document.activeElement.value : null;
  const line = ([key, word]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, word));
  fill(
    C.panel,
    h(
      "table",
      {},
      h("caption", { class: "vh" }, "Rows of the viewer"),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", {}, "key"),
          h("th", {}, image),
          h("th", {}, m && [m.label, arrow(m)]),
          h("th", {}, "pixel"),
        ),
      ),
      h("tbody", {}, [...VIEWS.filter(has), ...picked()].map(panelRow)),
    ),
    stepper(),
    stepsOfImage(),
    h(
      "p",
      { class: "note" },
      without.length > 0 && `No pictures of ${list(without)} here. `,
      `${m ? m.label + " is of the stored result; pixel" : "Pixel"} values are of the 8-bit picture.`,
    ),
    h("dl", { class: "keys" }, KEY_NAMES.map(line)),
  );
  if (focused != null) C.panel.querySelector(`.steps input[value="${CSS.escape(focused)}"]`)?.focus();
}
function inspect() {
  const g = C.got;
  const at = (d, [u, v]) => 4 * (Math.floor(v * d.height) * d.width + Math.floor(u * d.width));
  const values = (d, k) => {
    const [r, green, b] = d.data.subarray(k, k + 3);
    return r === green && green === b ? String(r) : `${r} ${green} ${b}`;
  };
  const truth = g["@truth"] ?? g[S.v];
  const read = $("read");
  if (!read) return;
  read.textContent =
    C.hover && truth
      ? `x ${Math.floor(C.hover[0] * truth.width)}, y ${Math.floor(C.hover[1] * truth.height)}`
      : "\u00a0";
  const measured = () => {
    const mask = g["@mask"];
    return !mask || mask.data[at(mask, C.hover)] > 0;
  };
  for (const cell of C.panel?.querySelectorAll("[data-px]") ?? []) {
    const d = g[cell.dataset.px];
    const known = C.hover && d;
    cell.textContent = !known
      ? ""
      : cell.dataset.px === "@y" && !measured()
        ? "not measured"
        : values(d, at(d, C.hover));
  }
}
