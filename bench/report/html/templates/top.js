/* The head of the page. */

function header() {
  const meta = D.meta;
  const fact = ([name, text, small]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, text, small && h("small", {}, h("br"), small)));
  const link = button("Copy link to this view", (e) => {
    const target = e.target;
    setTimeout(() => copy(location.href, target), 200);
  });
  const theme = button("Dark / light", () => set({ th: isDark() ? "light" : "dark" }, "theme"), {
    id: "theme",
  });
  for (const b of [link, theme]) b.classList.add("np");
  fill(
    $("top"),
    h(
      "p",
      { class: "kick" },
      h("span", {}, "diffusion-inverse-bench"),
      h("span", {}, "suite ", h("code", {}, meta.suite)),
      h("span", { class: "sp" }),
      link,
      theme,
    ),
    h("h1", {}, meta.title),
    h("p", { class: "sum", id: "sum" }),
    h("dl", { class: "facts" }, meta.facts.map(fact)),
    meta.bad.map((text) => h("p", { class: "note warn" }, text)),
    h(
      "details",
      { class: "cite" },
      h("summary", {}, "How to cite"),
      h("pre", {}, meta.cite),
      button("Copy BibTeX", (e) => copy(meta.cite, e.target)),
    ),
  );
}
const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};
