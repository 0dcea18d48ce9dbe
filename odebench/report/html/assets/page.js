// What the page does once it is there.
document.documentElement.classList.add("js");
summaryTable();
if (globalThis.Plot) drawCharts(JSON.parse(document.getElementById("charts-data").textContent));

// The contents say where the reader is.
const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
const seen = new Set();
const watch = new IntersectionObserver((entries) => {
  for (const entry of entries) entry.isIntersecting ? seen.add(entry.target.id) : seen.delete(entry.target.id);
  const current = [...links.keys()].filter((id) => seen.has(id)).at(-1);
  for (const [id, link] of links) id === current ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
}, { rootMargin: "-10% 0px -60% 0px" });
for (const id of links.keys()) watch.observe(document.getElementById(id));

addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
