/* One sentence for the page, one for each task. */

function says() {
  const m = M[S.m];
  if (!m) {
    fill($("sum"), "No row has a number: every cell below says why.");
    fill($("says"));
    return;
  }
  fill($("sum"), spoken(D.meta.says[S.m]));
  const line = (t) => {
    const open = () => {
      set({ t: t.id }, "task");
      $("tasks").scrollIntoView();
    };
    return [
      h("dt", {}, h("button", { class: "plain", type: "button", onclick: open }, t.title)),
      h("dd", {}, spoken(t.says[S.m])),
    ];
  };
  const meant = hasFloor()
    ? "“Not shown to be further” is not “as near”"
    : "“Cannot be separated” is not “equal”";
  const note =
    `By ${m.label}. Comparisons hold together, 95 % for all pairs of a task at once. ${meant}: ` +
    "a difference smaller than what a task “sees” would often go unnoticed.";
  fill(
    $("says"),
    h("h2", { id: "says-h" }, "Task by task"),
    h("p", { class: "note" }, note),
    h("dl", { class: "says" }, D.tasks.map(line)),
  );
}
