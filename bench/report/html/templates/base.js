/* The document, small helpers to build elements, and look-ups. Text from records is only ever appended as text. */

const D = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

const shown = (kids) => kids.flat(9).filter((kid) => kid != null && kid !== false);
function put(element, attributes, kids) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...shown(kids));
  return element;
}
const h = (tag, attributes = {}, ...kids) => put(document.createElement(tag), attributes, kids);
const s = (tag, attributes = {}, ...kids) => put(document.createElementNS(SVG, tag), attributes, kids);
const fill = (element, ...kids) => element.replaceChildren(...shown(kids));
const say = (text) => ($("live").textContent = text);

const byId = (list) => Object.fromEntries(list.map((one) => [one.id, one]));
const R = byId(D.rows);
const T = byId(D.tasks);
const M = byId(D.metrics);

/* Numbers: JSON has no infinity. */
const real = (x) => (x === "inf" ? Infinity : x === "-inf" ? -Infinity : x);
function num(x, digits, sign) {
  if (x == null) return "";
  const text = Number.isFinite(x) ? x.toFixed(digits) : x > 0 ? "∞" : "-∞";
  /* What is rounded to zero has no sign. */
  if (+text === 0) return text.replace("-", "");
  return (sign && x > 0 ? "+" : "") + text.replace("-", "\u2212");
}
const unit = (m) => (m.unit ? "\u00a0" + m.unit : "");
const arrow = (m) => (m.better > 0 ? " ↑" : m.better < 0 ? " ↓" : "");
const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
const list = (texts) =>
  texts.length < 2 ? texts.join("") : texts.slice(0, -1).join(", ") + " and " + texts.at(-1);

/* Cells. */
const NONE = { s: "absent", why: "No record." };
const cell = (t, r) => D.cells[t][r] || NONE;
function val(t, r, m) {
  const found = cell(t, r).m?.[m];
  return found ? found.map(real) : null;
}
function per(t, r, m, i) {
  const value = real(cell(t, r).v?.[m]?.[i]);
  return value == null ? null : value / M[m].scale;
}
const family = (t, m) => D.fam[t][m];
const place = (t, r, m) => family(t, m)?.rank[r];
const ranked = (r) => !r.base && r.ranked;
/* Passes through the network, forward and back; a log axis has no zero. */
const passes = (r) => r.nfe + r.vjp;
const cost = (t, r) => {
  const c = cell(t, r);
  return Math.max(1, Math.round((c.nfe || 0) + (c.vjp || 0)));
};

/* The difference a - c of two rows with its simultaneous interval; null where they are not compared. */
function gap(t, m, a, c) {
  const f = family(t, m);
  const i = f ? f.rows.indexOf(a) : -1;
  const j = f ? f.rows.indexOf(c) : -1;
  if (i < 0 || j < 0 || i === j) return null;
  const [p, q] = i < j ? [i, j] : [j, i];
  const k = f.rows.length;
  const pair = f.pairs[p * k - (p * (p + 1)) / 2 + q - p - 1];
  if (!pair) return null;
  const mean = (i < j ? 1 : -1) * real(pair[0]);
  const half = real(pair[1]);
  return Number.isFinite(mean) ? [mean, mean - half, mean + half] : [mean, mean, mean];
}
const gapText = (g, m) =>
  `${num(g[0], m.digits, 1)}${unit(m)} [${num(g[1], m.digits, 1)}, ${num(g[2], m.digits, 1)}]`;

/* Rows of a task: the ranked ones by their mean, then the others. */
function order(t, m = S.m) {
  const better = M[m]?.better || 1;
  const key = (r) => {
    const x = val(t, r.id, m);
    return x ? -better * x[0] : Infinity;
  };
  const group = (r) => (place(t, r.id, m) ? 0 : 1);
  const compare = (p, q) => group(p) - group(q) || (key(p) < key(q) ? -1 : key(p) > key(q) ? 1 : 0);
  return D.rows
    .filter((r) => !r.base)
    .sort(compare)
    .map((r) => r.id);
}
