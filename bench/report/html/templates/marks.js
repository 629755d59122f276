/* Marks of methods, definitions, and the clipboard. */

const SHAPES = [
  "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0Z",
  "M-4.5-4.5h9v9h-9Z",
  "M0-5.6L5.4 4.4H-5.4Z",
  "M0-6L6 0L0 6L-6 0Z",
];
/* Six hues x four shapes are 24 methods; budgets of one method are solid, hollow and dotted. */
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
  const d = SHAPES[(hue + Math.floor(r.hue / 6)) % 4];
  const inside = r.variant ? "var(--paper)" : colour;
  return s(
    "g",
    { transform },
    s("path", { d, fill: inside, stroke: colour, "stroke-width": 1.8 }),
    r.variant > 1 && s("circle", { r: 1.6, fill: colour }),
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
