"use strict";

const REFRESH_SECONDS = 15;
const live = () => document.getElementById("live");
const words = () => JSON.parse(document.body.dataset.words);
const say = (...parts) => document.getElementById("status").replaceChildren(...parts);

function element(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

function setTheme() {
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* storage may be forbidden */ }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = ["dark", "light"].includes(chosen) ? chosen : dark ? "dark" : "light";
}

function tellTimes(place) {
  const format = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  for (const time of place.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    const seconds = (moment - Date.now()) / 1000;
    const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? units[3];
    time.title = moment.toLocaleString(document.documentElement.lang);
    time.textContent = format.format(Math.round(seconds / size), unit);
  }
}

function plot() {
  const place = document.getElementById("plot");
  if (!place || !window.uPlot) return;
  place.replaceChildren();
  const days = JSON.parse(place.dataset.days);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const at = days.map(({ day }) => Date.parse(`${day}T00:00:00Z`) / 1000);
  const pushed = days.map((day) => day.pushed || null);
  const both = days.map((day) => day.pushed + day.pulled || null);
  const bars = uPlot.paths.bars({ size: [0.7, 40] });
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 } };
  const series = (label, name) => ({ label, paths: bars, points: { show: false }, fill: colour(name), stroke: colour(name) });
  const values = (chart, found) => found.map((second) => new Date(second * 1000).toLocaleDateString(document.documentElement.lang, { day: "numeric", month: "short", timeZone: "UTC" }));
  const number = new Intl.NumberFormat(document.documentElement.lang);
  const steps = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((first) => first * 10 ** power)).flat();
  const counts = (chart, found) => found.map((count) => number.format(count));
  new uPlot({
    width: place.clientWidth,
    height: 220,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: true, range: (chart, low, high) => [low - 43200, high + 43200] }, y: { range: (chart, low, high) => [0, Math.max(high, 1) * 1.1] } },
    axes: [{ ...axis, values }, { ...axis, size: 60, values: counts, incrs: steps }],
    series: [{}, series(place.dataset.pulled, "--pulled"), series(place.dataset.pushed, "--pushed")],
  }, [at, both, pushed], place);
}

/* Counting may take a while: it is asked for beside the page, and what was counted last is shown until then. */
let counted = null;
let isCounting = false;

function tellRows() {
  const place = document.getElementById("tables");
  if (!place || !counted) return;
  const number = new Intl.NumberFormat(document.documentElement.lang);
  const rows = new Map(counted.tables.map((table) => [table.name, table.rows]));
  for (const cell of place.querySelectorAll("[data-rows]")) {
    if (!rows.has(cell.dataset.rows)) continue;
    const found = rows.get(cell.dataset.rows);
    cell.textContent = found === null ? place.dataset.missing : number.format(found);
  }
  const time = place.querySelector("time[data-counted]");
  time.dateTime = `${counted.counted_at}Z`;
  time.parentElement.hidden = false;
  tellTimes(time.parentElement);
}

async function countRows() {
  const place = document.getElementById("tables");
  if (!place || isCounting) return;
  isCounting = true;
  try {
    const response = await fetch(place.dataset.counts);
    if (response.ok) counted = await response.json();
  } catch { /* the page says by itself that nothing answers */ } finally {
    isCounting = false;
  }
  tellRows();
}

let shownAt = new Date();

function show() {
  tellTimes(live());
  plot();
  tellRows();
  countRows();
  document.dispatchEvent(new Event("shown"));
}

/* A page that is shown on and on must not look fresher than it is. */
function tellStale() {
  const place = document.getElementById("stale");
  const time = element("time", { dateTime: shownAt.toISOString() });
  place.replaceChildren(`${words().stale_page}${words().colon}`, time);
  tellTimes(place);
}

async function refresh() {
  let text = "";
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (response.ok) text = await response.text();
  } catch { /* nothing answers: below */ }
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("live");
  if (!fresh) return tellStale();
  shownAt = new Date();
  document.getElementById("stale").replaceChildren();
  const { sort } = document.activeElement.dataset;
  live().replaceWith(document.adoptNode(fresh));
  show();
  if (sort) live().querySelector(`[data-sort="${sort}"]`)?.focus();
}

const isHeld = (element) => live().contains(element) && !element.dataset.sort;
const inUse = () => document.hidden || isHeld(document.activeElement)
  || live().querySelector("dialog[open], details[open], input:checked");

async function post(path, body) {
  const { colon, ...told } = words();
  let response = null;
  try {
    response = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
  } catch {
    return say(`${told.failed}${colon}${told.not_done_away}`);
  }
  const given = await response.json().catch(() => ({}));
  if (!response.ok) {
    const why = told[`not_done_${response.status}`] ?? told.not_done_other;
    const detail = typeof given.detail === "string" ? given.detail : response.statusText;
    const english = element("span", { lang: "en", textContent: `${response.status} ${detail}` });
    return say(`${told.failed}${colon}${why} ${told.detail}${colon}`, english);
  }
  const link = { href: `../${given.href}`, target: "_top", textContent: `${given.dag_id} ${given.run_id}` };
  return say(`${given.paused ? told.asked_paused : told.asked}${colon}`, element("a", link));
}

/* Without https a browser has no clipboard for a page: then the lines are selected, to be copied by hand. */
async function copy(place) {
  getSelection().selectAllChildren(place);
  try {
    await navigator.clipboard.writeText(place.textContent);
    say(words().copied);
  } catch {
    place.focus();
  }
}

async function press(button) {
  const { post: path, body, replay, opens, closes, copies } = button.dataset;
  if (copies) return copy(document.getElementById(copies));
  if (opens) return document.getElementById(opens).showModal();
  if (closes) return document.getElementById(closes).close();
  let order = body ? JSON.parse(body) : null;
  if (replay) {
    const ids = [...live().querySelectorAll(`input[name="${replay}"]:checked`)].map((box) => Number(box.value));
    if (!ids.length) return undefined;
    order = { ...order, [replay]: ids };
  }
  if (!order) return undefined;
  button.disabled = true;
  try {
    await post(path ?? "api/actions/replay", order);
    button.closest("dialog")?.close();
    await refresh();
  } finally {
    button.disabled = false;
  }
}

/* The UI's frame may not leave for another page by itself; a link of the page around it may. */
function leave(event, link) {
  if (parent === window) return;
  event.preventDefault();
  Object.assign(parent.document.createElement("a"), { href: link.href }).click();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const link = event.target.closest('a[target="_top"]');
  if (button) press(button);
  if (link) leave(event, link);
});
document.addEventListener("change", ({ target }) => {
  if (!target.dataset.all) return;
  for (const box of live().querySelectorAll(`input[name="${target.dataset.all}"]`)) box.checked = target.checked;
});
addEventListener("storage", ({ key }) => { if (key === "theme") { setTheme(); plot(); } });
addEventListener("resize", plot);
setInterval(() => { if (!inUse()) refresh(); }, REFRESH_SECONDS * 1000);

setTheme();
const run = new URLSearchParams(parent === window ? "" : parent.location.search).get("run");
if (run && !new URLSearchParams(location.search).has("run")) {
  location.replace(`?${new URLSearchParams({ run })}`);
} else {
  show();
}
