/* What stands behind a cell. */

let opener;
const entry = (name, ...value) => (shown(value).length ? [h("dt", {}, name), h("dd", {}, ...value)] : null);
const small = (...kids) => h("span", { class: "sub" }, ...kids);

/* The paired difference to the best row, for rows that are not part of the simultaneous comparison. */
function pairedText(t, r, best, m) {
  if (!best || r === best) return null;
  const values = T[t].images.map((_, i) => [per(t, r, m.id, i), per(t, best, m.id, i)]);
  const both = values.filter(([a, b]) => a != null && b != null && Number.isFinite(a - b));
  if (!both.length) return null;
  const mean = both.reduce((sum, [a, b]) => sum + a - b, 0) / both.length;
  return `${num(mean, m.digits, 1)}${unit(m)} to ${best}, same ${plural(both.length, T[t].unit)}`;
}
function paperNumber(t, r, m) {
  const found = cell(t, r.id).paper?.[m?.id];
  if (found) {
    const [value, verdict, reason, source] = found;
    return [
      h("b", {}, String(value)),
      small(` ${source}: ${verdict}`, reason && `. ${reason}`, ". "),
      paperLink(r.paper),
    ];
  }
  if (!r.paper) return small("this method has no paper");
  return small("none for this task, data and prior; ", paperLink(r.paper));
}
const MARKS = hasFloor()
  ? Object.fromEntries(Object.entries(D.marks).map(([word, [, meaning]]) => [word, meaning]))
  : {
      best: "best",
      tie: "not separable from the best",
      worse: "worse than the best",
      beats: "better than the best",
    };
const BASES = { anchor: "an anchor", oracle: "an oracle: the best of several samples, picked with the truth" };
function rankText(t, r, m) {
  const k = place(t, r.id, S.m);
  if (k) {
    const range = k[1] === k[2] ? k[1] : `${k[1]} to ${k[2]}`;
    return `${k[0]}; the data allow ${range} of ${family(t, S.m).rows.length}`;
  }
  const marks = marksOf(t, r.id);
  if (r.base)
    return `none: ${BASES[r.base] ?? "a baseline"}${marks.map((mark) => "; " + MARKS[mark]).join("")}`;
  if (!m.better) return "none: neither direction is better";
  if (marks.length) return list(marks.map((mark) => MARKS[mark]));
  if (m.scale == null) return "none: too few images, or no error of this number";
  return `none: ${cell(t, r.id).why || "nothing to compare it with"}`;
}
function facts(t, r, m, x) {
  const c = cell(t, r.id);
  const rows = family(t, S.m)?.rows ?? [];
  const other = r.id === rows[0] ? rows[1] : rows[0];
  const g = other && gap(t, S.m, r.id, other);
  const settings = Object.entries(c.params ?? {}).map(([name, value]) => `${name} ${value}`);
  return h(
    "dl",
    {},
    x && entry("Rank", rankText(t, r, m)),
    g &&
      entry(
        r.id === rows[0] ? "To the second" : "To the best",
        gapText(g, m),
        small(` against ${other}, simultaneous`),
      ),
    x && !g && entry("Paired", pairedText(t, r.id, rows[0], m)),
    c.n != null &&
      entry(
        T[t].unit === "image" ? "Images" : "Problems",
        `${c.n} solved, ${c.f} failed`,
        c.samples && `; ${c.samples} samples each`,
        c.so_far && `; ${c.so_far}`,
      ),
    c.f > 0 && entry("Why", c.why),
    c.n > 0 && entry("Passes", passesText(c)),
    entry("Cost", costText(c)),
    c.cell && entry("Settings", small(r.preset && r.preset + ": ", settings.join(", ") || "none", c.later && `; ${c.later}`)),
    r.state && entry("Certificate", small(r.state, ". ", r.certificate)),
    entry("Paper’s number", paperNumber(t, r, m)),
    c.from && entry("Run folder", list(c.from)),
    c.keys && entry("Records", small(c.keys.map((key) => key + "…").join(", "), `; cell ${c.cell}`)),
  );
}
const passesText = (c) =>
  c.nfe ? `${+c.nfe.toFixed(1)} forward` + (c.vjp ? `, ${+c.vjp.toFixed(1)} backward` : "") : "none";
function costText(c) {
  const parts = [];
  if (c.sec != null) parts.push(`${c.sec} s per image`);
  if (c.mem != null) parts.push(`${c.mem} MB`);
  return parts.length ? [parts.join(", "), c.on && small(` on ${c.on}`)] : null;
}
function bigNumber(t, r, m, x) {
  const c = cell(t, r.id);
  if (!x) {
    const word = WORDS[c.s] || c.s;
    return h("p", {}, h("b", {}, word[0].toUpperCase() + word.slice(1), ". "), whyBlank(c));
  }
  const interval = x[1] == null ? "no interval" : `95 %: ${num(x[1], m.digits)} to ${num(x[2], m.digits)}`;
  return h("div", { class: "big" }, num(x[0], m.digits), unit(m), h("small", {}, interval));
}
function popover(from) {
  const { t, r: id } = from.dataset;
  const [r, m, p, c] = [R[id], M[S.m], $("pop"), cell(t, id)];
  const x = m && val(t, id, S.m);
  opener = from;
  const close = () => p.hidePopover();
  const go = (change, to) => {
    close();
    set({ t, ...change }, "task");
    $(to).scrollIntoView();
  };
  const rows = family(t, S.m)?.rows ?? [];
  const other = id === rows[0] ? rows[1] : rows[0];
  const sel = S.sel.includes(id) ? S.sel : [...S.sel, id].slice(-9);
  fill(
    p,
    h(
      "button",
      { type: "button", class: "plain x", "aria-label": "Close", autofocus: true, onclick: close },
      "×",
    ),
    h("p", { class: "sub" }, T[t].title, m && [", ", m.label, arrow(m)]),
    h("h3", { id: "pop-h" }, glyph(id), " ", id),
    bigNumber(t, r, m, x),
    facts(t, r, m, x),
    c.run && h("p", { class: "sub" }, c.n != null ? "Makes it again" : "Would ask for it"),
    c.run && h("pre", {}, c.run),
    h(
      "div",
      { class: "row np" },
      c.run && button("Copy command", (e) => copy(c.run, e.target)),
      Object.hasOwn(D.pics[t], id) && button("Pictures", () => go({ v: id, w: S.v, sel }, "viewer")),
      c.v && other && button(`Compare with ${other}`, () => go({ a: id, c: other }, "pair")),
    ),
  );
  p.showPopover();
  beside(p, from);
}
/* Beside the cell, so that the numbers of its row stay in view; narrow screens have it at the bottom. */
function beside(p, from) {
  p.style.left = p.style.top = "";
  if (innerWidth <= 640) return;
  const [a, b] = [from.getBoundingClientRect(), p.getBoundingClientRect()];
  const right = a.right + b.width + 14 < innerWidth;
  p.style.left = (right ? a.right + 6 : Math.max(8, a.left - b.width - 6)) + "px";
  p.style.top = Math.max(8, Math.min(a.top - 60, innerHeight - b.height - 8)) + "px";
}
$("pop").addEventListener("toggle", (e) => {
  const active = document.activeElement;
  const free = active === document.body || $("pop").contains(active);
  if (e.newState === "closed" && opener?.isConnected && free) opener.focus();
});
