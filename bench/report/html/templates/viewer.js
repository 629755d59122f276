/* The flip viewer: its parts and controls. */

const C = { stage: null, hover: null, tiles: [], got: {}, metric: "", at: 500 };
const HELP =
  "Picture viewer. Keys: 1 to 9 rows, left and right images, space flips the last two, T truth, Y measurement, " +
  "E error map, D difference of the last two, N next sample, S slider, G side by side, plus, minus and 0 zoom.";

function viewerNote() {
  const t = T[S.t];
  const n = Math.min(D.npics, t.images.length);
  const kept = Object.keys(D.pics[S.t]).length > 0;
  return h(
    "p",
    { class: "note" },
    `${t.title}: ${t.what || [t.op, t.params].filter(Boolean).join(", ")}. `,
    kept
      ? `The first ${plural(n, "image")}. Ticked rows of the table above are shown, at most nine. Zoom and place stay from picture to picture. `
      : h("b", {}, "No pictures were kept for this task. "),
    Object.hasOwn(D.large, S.t) && !LARGE.has(S.t) && "Pictures are shrunk to 64 pixels here. ",
    D.kept,
  );
}
function viewerBar() {
  const gains = [1, 2, 4, 8].map((g) => h("option", { value: g, selected: g === S.g }, "× " + g));
  const gain = h("select", { id: "gain", onchange: (e) => set({ g: +e.target.value }, "paint") }, gains);
  const modes = [
    ["flip", "Flip"],
    ["slide", "Slider"],
    ["grid", "Side by side"],
  ];
  const map = (label, id, e) =>
    button(label, () => set({ e: S.e === e ? 0 : e }, "paint"), { id, "aria-pressed": String(S.e === e) });
  return h(
    "div",
    { class: "bar np" },
    choices("View", modes, S.mode, (mode) => set({ mode }, "paint")),
    map("Error map", "err", 1),
    map("A − B map", "diff", 2),
    h("label", { class: "ck" }, "gain", gain),
    button("Fit", () => set({ z: "1,0.5,0.5" }, "paint")),
    Object.hasOwn(D.large, S.t) &&
      !LARGE.has(S.t) &&
      button("Full size", (e) => loadLarge(e.target), { id: "large" }),
    h("span", { class: "sp" }),
    h("span", { class: "sub", id: "read" }, "\u00a0"),
  );
}
function buildStage() {
  C.view = h("canvas", { "aria-hidden": "true" });
  C.cap = h("div", { class: "cap" });
  C.cap2 = h("div", { class: "cap cap2" });
  C.legend = h("div", { class: "legend" });
  C.split = h("input", {
    type: "range",
    class: "split",
    min: 0,
    max: 1000,
    value: C.at,
    "aria-label": "Divider between the two pictures",
    oninput: () => {
      C.at = +C.split.value;
      paint();
    },
  });
  const attributes = { class: "stage", id: "stage", tabindex: 0, role: "application", "aria-label": HELP };
  C.stage = h("div", attributes, C.view, C.cap, C.cap2, C.legend, C.split);
  listen(C.stage);
  C.resize?.disconnect();
  C.resize = new ResizeObserver(() => paint());
  C.resize.observe(C.stage);
}
async function filmStrip(t) {
  const pictures = await sheet(t, "@truth");
  if (t !== S.t) return;
  const images = T[t].images.slice(0, D.npics);
  const frame = (image, k) =>
    h(
      "button",
      {
        type: "button",
        "aria-label": `Image ${image}`,
        title: image,
        "aria-current": String(k === S.i),
        onclick: () => set({ i: k }, "paint"),
      },
      pictures[k] ? toCanvas(pictures[k]) : h("span", { class: "sub" }, k + 1),
    );
  fill(C.film, images.map(frame));
}
function viewer() {
  const m = M[S.m];
  C.metric = m?.scale ? S.m : (D.metrics.find((one) => one.scale)?.id ?? "");
  S.i = Math.min(S.i, Math.max(0, Math.min(D.npics, T[S.t].images.length) - 1));
  const head = [h("h2", { id: "viewer-h" }, "Pictures"), viewerNote()];
  if (m) head.unshift(h("p", { class: "verdict" }, spoken(T[S.t].says[S.m])));
  if (!Object.keys(D.pics[S.t]).length) {
    C.stage = null;
    fill($("viewer"), head);
    return;
  }
  buildStage();
  C.film = h("div", { class: "film", role: "group", "aria-label": "Images" });
  C.panel = h("div", { class: "vp" });
  fill($("viewer"), head, viewerBar(), h("div", { class: "vw" }, C.film, C.stage, C.panel));
  filmStrip(S.t);
}
