// Links into outputs and listings: `#run-…-L3` is the third line of a record, `#listing-…-L12`
// the twelfth of a file. What is folded around the target of a link opens.
(() => {
  // A highlighter takes code apart: a line of it is where it stands, and no element.
  const code = (block) => block?.matches?.("figure.listing") ? block.querySelector("details > pre > code") ?? block.querySelector("pre > code") : null;
  // Where the lines of a listing begin in its code, and how high each is.
  const rows = (of, count) => {
    const { paddingTop, paddingBottom } = getComputedStyle(of);
    const above = parseFloat(paddingTop);
    return [above, (of.clientHeight - above - parseFloat(paddingBottom)) / count];
  };

  const mark = document.createElement("span");
  mark.className = "line-mark";
  const markLine = (of, line, count) => {
    const [above, high] = rows(of, count);
    mark.style.top = `${above + (line - 1) * high}px`;
    mark.style.height = `${high}px`;
    of.parentElement.append(mark);
    return mark;
  };

  const follow = () => {
    mark.remove();
    let id = "";
    try { id = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    let target = id && document.getElementById(id);
    const [, block, line] = /^(.+)-L([1-9]\d*)$/.exec(id) ?? [];
    const listing = target ? null : document.getElementById(block);
    const of = code(listing);
    const count = Number(listing?.dataset.lines);
    target ||= listing;
    if (!target) return;
    const folded = [];
    for (let fold = (of ?? target).closest("details"); fold; fold = fold.parentElement.closest("details")) folded.push(fold);
    const opens = folded.some((fold) => !fold.open);
    folded.forEach((fold) => { fold.open = true; });
    if (of && Number(line) <= count) markLine(of, Number(line), count).scrollIntoView({ block: "center" });
    else if (opens || listing) target.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  document.addEventListener("DOMContentLoaded", follow);
  // Fonts that arrive late move what comes after them.
  addEventListener("load", follow);

  // Beside the line under the pointer stands its number, a link to it.
  const link = document.createElement("a");
  link.className = "line-link";
  const show = (to, at, top, high, line) => {
    link.href = `#${at}-L${line}`;
    link.textContent = line;
    link.title = `Link to line ${line}`;
    link.style.top = `${top}px`;
    link.style.height = link.style.lineHeight = `${high}px`;
    if (link.parentElement !== to) to.append(link);
  };
  document.addEventListener("pointerover", ({ target }) => {
    if (link.contains(target)) return;
    const line = target.closest?.(".run-column.recorded .line[id]");
    if (!line) return;
    const number = line.id.slice(line.id.lastIndexOf("-L") + 2);
    show(line.parentElement, line.closest("section.run").id, line.offsetTop, parseFloat(getComputedStyle(line).lineHeight), number);
  });
  document.addEventListener("pointermove", ({ target, clientY }) => {
    const listing = target.closest?.("figure.listing");
    const of = code(listing);
    if (!of?.parentElement.contains(target) || link.contains(target)) return;
    const count = Number(listing.dataset.lines);
    const [above, high] = rows(of, count);
    const line = 1 + Math.floor((clientY - of.getBoundingClientRect().top - above) / high);
    if (line >= 1 && line <= count) show(of.parentElement, listing.id, above + (line - 1) * high, high, line);
  });
})();
