// What a mark of a chart stands for, shown where it is pointed at or focused. Words are only ever set as text.
const tip = document.getElementById("tip");
const REACH = 32; // pixels from the pointer to a mark

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

const clamped = (text, most = 160) => (text.length > most ? `${text.slice(0, most)}…` : text);

function showTip({ title, pairs }, x, y) {
  const list = element("dl");
  for (const [key, word] of pairs) list.append(element("dt", clamped(key, 60)), element("dd", clamped(word)));
  tip.replaceChildren(element("b", clamped(title)), list);
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = x + 14 + width > innerWidth ? x - 14 - width : x + 14;
  const top = y + 14 + height > innerHeight ? y - 14 - height : y + 14;
  tip.style.left = `${Math.max(4, Math.min(left, innerWidth - width - 4))}px`;
  tip.style.top = `${Math.max(4, Math.min(top, innerHeight - height - 4))}px`;
}

function hideTip() {
  tip.hidden = true;
}
// What the page moves under the pointer is not pointed at any more; what has the focus takes its tip along.
addEventListener("scroll", () => {
  hideTip();
  if (document.activeElement.matches(".cursor.on")) document.activeElement.dispatchEvent(new Event("focus"));
}, { passive: true, capture: true });

// Make marks answer to the pointer and to the keyboard: Tab reaches the drawing, left and right go along a line, up and
// down from line to line, Home and End to its ends.
// lines: [{mark: class of its elements, points: [{x, y, say: () => ({title, pairs})}]}], x and y in the drawing's units.
function answer(svg, lines) {
  if (!lines.length) return;
  const ring = d3.select(svg).append("circle")
    .attr("class", "cursor").attr("r", 7).attr("tabindex", 0).attr("role", "img").node();
  let [l, i] = [0, 0];

  function name() {
    const { title, pairs } = lines[l].points[i].say();
    ring.setAttribute("aria-label", clamped([title, ...pairs.map((pair) => pair.join(" "))].join(", "), 600));
  }

  function move(line, index) {
    [l, i] = [line, index];
    const point = lines[l].points[i];
    ring.setAttribute("cx", point.x);
    ring.setAttribute("cy", point.y);
    name();
  }

  function show() {
    const point = lines[l].points[i];
    const place = new DOMPoint(point.x, point.y).matrixTransform(svg.getScreenCTM());
    ring.classList.add("on");
    svg.classList.add("pointed");
    for (const mark of svg.querySelectorAll(".on:not(.cursor)")) mark.classList.remove("on");
    for (const mark of svg.querySelectorAll(`.${lines[l].mark}`)) mark.classList.add("on");
    showTip(point.say(), place.x, place.y);
  }

  function leave() {
    ring.classList.remove("on");
    svg.classList.remove("pointed");
    hideTip();
  }

  function nearest(event) {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    let best = REACH ** 2;
    let found = null;
    lines.forEach(({ points }, line) => points.forEach((point, index) => {
      const far = (point.x - at.x) ** 2 + (point.y - at.y) ** 2;
      if (far < best) [best, found] = [far, [line, index]];
    }));
    return found;
  }

  function pointed(event) {
    const found = nearest(event);
    if (found) { move(...found); show(); } else leave();
  }

  const step = {
    ArrowRight: () => [l, Math.min(i + 1, lines[l].points.length - 1)],
    ArrowLeft: () => [l, Math.max(i - 1, 0)],
    ArrowUp: () => beside(-1),
    ArrowDown: () => beside(1),
    Home: () => [l, 0],
    End: () => [l, lines[l].points.length - 1],
  };

  function beside(by) {
    const line = (l + by + lines.length) % lines.length;
    const { x } = lines[l].points[i];
    return [line, d3.minIndex(lines[line].points, (point) => Math.abs(point.x - x))];
  }

  svg.addEventListener("pointermove", pointed);
  svg.addEventListener("pointerdown", pointed);
  svg.addEventListener("pointerleave", leave);
  ring.addEventListener("focus", show);
  ring.addEventListener("blur", leave);
  ring.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
    if (!step[event.key]) return;
    event.preventDefault();
    move(...step[event.key]());
    show();
  });
  move(0, 0);
}
