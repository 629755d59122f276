/* Marks of methods, definitions, and the clipboard. */

const SHAPES = [
  "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0Z",
  "M-4.5-4.5h9v9h-9Z",
  "M0-5.6L5.4 4.4H-5.4Z",
  "M0-6L6 0L0 6L-6 0Z",
  "M0 5.6L5.4-4.4H-5.4Z",
  "M-1.9-5.6h3.8v3.7h3.7v3.8h-3.7v3.7h-3.8v-3.7h-3.7v-3.8h3.7Z",
  "M-5.6-2.8L-2.8-5.6L0-2.8L2.8-5.6L5.6-2.8L2.8 0L5.6 2.8L2.8 5.6L0 2.8L-2.8 5.6L-5.6 2.8L-2.8 0Z",
  "M0-6L1.4-1.9H5.7L2.2.7L3.5 4.9L0 2.3L-3.5 4.9L-2.2.7L-5.7-1.9H-1.4Z",
];
/* Six hues x four shapes are 24 methods, and the next 24 have four further shapes. Rows of one method are solid,
   hollow, dotted, and then crossed by lines; an eighth and later one has its number. The figures have the same. */
const STROKES = { 3: "M-3 0H3", 4: "M0-3V3", 5: "M-3 0H3M0-3V3", 6: "M-2.2-2.2L2.2 2.2M-2.2 2.2L2.2-2.2" };
function inside(variant, colour) {
  if (variant < 2) return null;
  if (variant === 2) return s("circle", { r: 1.6, fill: colour });
  if (variant in STROKES) return s("path", { d: STROKES[variant], stroke: colour, "stroke-width": 1.4 });
  return s("text", { y: 2.6, "font-size": 7, "text-anchor": "middle" }, variant + 1);
}
function mark(r, size = 1) {
  const transform = `scale(${size})`;
  if (r.hue < 0)
    return s("path", {
      d: "M-4-4L4 4M4-4L-4 4",
      stroke: "var(--hb)",
      "stroke-width": 1.8,
      fill: "none",
      transform,
    });
  const hue = r.hue % 6;
  const colour = `var(--h${hue})`;
  const turn = (hue + Math.floor((r.hue % 24) / 6)) % 4;
  const d = SHAPES[(turn + 4 * Math.floor(r.hue / 24)) % 8];
  const face = r.variant ? "var(--paper)" : colour;
  return s(
    "g",
    { transform },
    s("path", { d, fill: face, stroke: colour, "stroke-width": 1.8 }),
    inside(r.variant, colour),
  );
}
const glyph = (id) =>
  isRow(id) ? s("svg", { class: "g", viewBox: "-7 -7 14 14", "aria-hidden": "true" }, mark(R[id])) : null;
/* On a page of several run folders: whose a row is, where its name does not say so. */
const folderOf = (r) => (r.from.length && !r.from.some((name) => r.id.includes(`(${name})`)) ? list(r.from) : "");
const def = (label, text) => h("button", { type: "button", class: "def", "data-tip": text }, label);

function choices(name, items, current, choose) {
  const option = ([value, label]) =>
    h(
      "label",
      {},
      h("input", { type: "radio", name, value, checked: value === current, onchange: () => choose(value) }),
      h("span", {}, label),
    );
  return h("div", { class: "seg", role: "radiogroup", "aria-label": name }, items.map(option));
}
const button = (label, onclick, more = {}) =>
  h("button", { type: "button", class: "btn", onclick, ...more }, label);

function copy(text, target) {
  const done = () => {
    const before = target.textContent;
    target.textContent = "Copied";
    setTimeout(() => (target.textContent = before), 1400);
  };
  const byHand = () => {
    const area = h("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    done();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, byHand);
  else byHand();
}

/* Only papers get links: arXiv and DOI. */
function paperLink(paper) {
  const link = (href, text) => h("a", { href, rel: "noreferrer" }, text);
  if (/^(\d{4}\.\d{4,5}(v\d+)?|[a-z.-]+\/\d{7})$/.test(paper))
    return link("https://arxiv.org/abs/" + paper, "arXiv:" + paper);
  if (/^doi:10\.\d{4,9}\/[\w.()/:;-]+$/.test(paper)) return link("https://doi.org/" + paper.slice(4), paper);
  return paper || null;
}

/* A sentence is texts and rows. */
const spoken = (parts) => parts.map((part) => (typeof part === "string" ? part : h("b", {}, part.row)));
/* Keeps a text readable on lines and dots. */
const HALO = { "paint-order": "stroke", stroke: "var(--paper)", "stroke-width": 3 };
