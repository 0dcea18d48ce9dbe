// The summary: filter, sort, and as many rows as a screen can take.
function summaryTable() {
  const table = document.getElementById("cells");
  const body = table.tBodies[0];
  const find = document.getElementById("find");
  const selects = [...document.querySelectorAll(".controls select")];
  const allRows = document.getElementById("all-rows");
  const clear = document.getElementById("clear");
  const shown = document.getElementById("shown");
  const headers = [...table.tHead.rows[0].cells];
  const rows = [...body.rows].filter((row) => row.dataset.of !== undefined);
  const page = rows.filter((row) => !row.classList.contains("more")).length;
  const places = new Map(rows.map((row) => [row, row.dataset.of.split(" ")]));
  const words = new Map();
  let order = rows;
  let every = page === rows.length;

  const text = (row) => {
    if (!words.has(row)) words.set(row, row.textContent.toLowerCase());
    return words.get(row);
  };

  function show() {
    const wanted = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = selects.filter((select) => select.value !== "");
    let n = 0;
    for (const row of order) {
      const match =
        chosen.every((select) => places.get(row)[select.dataset.at] === select.value) &&
        wanted.every((word) => text(row).includes(word));
      row.classList.toggle("off", !match);
      row.classList.toggle("more", match && !every && n >= page);
      n += match;
    }
    const cut = !every && n > page;
    shown.value = n === rows.length && !cut ? `${n} cells` : `${cut ? page + " of " : ""}${n} of ${rows.length} cells`;
    allRows.hidden = !cut;
    allRows.textContent = `show all ${n}`;
    clear.hidden = !wanted.length && !chosen.length;
  }

  // A cell may span columns: it stands for each of them, and has no figure.
  function key(row, column) {
    let at = 0;
    for (const cell of row.cells) {
      at += cell.colSpan;
      if (at > column) return cell.colSpan > 1 ? null : value(cell, headers[column]);
    }
    return null;
  }

  function value(cell, header) {
    if (!header.classList.contains("n")) return cell.textContent;
    return cell.dataset.v === undefined ? null : Number(cell.dataset.v);
  }

  function compare(a, b) {
    return typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
  }

  function sort(column) {
    const next = { none: "ascending", ascending: "descending", descending: "none" };
    const direction = next[headers[column].getAttribute("aria-sort")];
    for (const header of headers) header.setAttribute("aria-sort", "none");
    headers[column].setAttribute("aria-sort", direction);
    order = rows;
    if (direction !== "none") {
      const sign = direction === "ascending" ? 1 : -1;
      const keyed = rows.map((row) => [key(row, column), row]);
      const known = keyed.filter(([k]) => k !== null).sort((a, b) => sign * compare(a[0], b[0]));
      order = [...known, ...keyed.filter(([k]) => k === null)].map(([, row]) => row);
    }
    body.append(...order);
    show();
  }

  headers.forEach((header, column) => header.querySelector("button").addEventListener("click", () => sort(column)));
  for (const control of [find, ...selects]) control.addEventListener("input", show);
  allRows.addEventListener("click", () => { every = true; show(); });
  clear.addEventListener("click", () => {
    for (const control of [find, ...selects]) control.value = "";
    show();
    find.focus();
  });
  show();
}
