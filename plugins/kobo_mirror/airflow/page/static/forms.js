"use strict";

/* The list of forms: searched and sorted here, again after each refresh. The server puts problems first. */
const searched = document.getElementById("search");
const TEXTS_OF = new Set(["name", "newest", "proof"]);
let sortedBy = null;
let isDescending = false;

function searchForms() {
  const wanted = searched.value.trim().toLowerCase();
  const rows = [...document.querySelectorAll("#forms tbody tr")];
  for (const row of rows) row.hidden = !row.dataset.search.includes(wanted);
  const number = new Intl.NumberFormat(document.documentElement.lang);
  const left = rows.filter((row) => !row.hidden).length;
  const told = JSON.parse(document.body.dataset.words).shown
    .replace("{count}", number.format(left)).replace("{all}", number.format(rows.length));
  const place = document.getElementById("found");
  const text = wanted ? told : "";
  if (place.textContent !== text) place.textContent = text;
}

function compared(column) {
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const value = (row) => row.querySelector(`[data-of="${column}"]`).dataset.value;
  if (TEXTS_OF.has(column)) return (a, b) => collator.compare(value(a), value(b));
  return (a, b) => Number(value(a)) - Number(value(b));
}

function sortForms() {
  if (!sortedBy) return;
  const body = document.querySelector("#forms tbody");
  const compare = compared(sortedBy);
  const rows = [...body.rows].sort((a, b) => (isDescending ? compare(b, a) : compare(a, b)));
  body.append(...rows);
  for (const head of document.querySelectorAll("#forms th[data-column]")) {
    const order = isDescending ? "descending" : "ascending";
    head.setAttribute("aria-sort", head.dataset.column === sortedBy ? order : "none");
  }
}

/* The first press shows what is most, newest or gravest, of a name the beginning of the alphabet. */
function chooseOrder(column) {
  const first = column !== "name" && column !== "light";
  isDescending = column === sortedBy ? !isDescending : first;
  sortedBy = column;
  sortForms();
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-sort]");
  if (button) chooseOrder(button.dataset.sort);
});
searched.addEventListener("input", searchForms);
document.addEventListener("shown", () => { sortForms(); searchForms(); });
