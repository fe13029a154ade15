// Code that is wider than its frame scrolls: by keyboard, too.
(() => {
  const blocks = document.querySelectorAll(".content pre > code");
  const reach = (code) => {
    if (code.scrollWidth > code.clientWidth) code.tabIndex = 0;
    else code.removeAttribute("tabindex");
  };
  const observer = new ResizeObserver((entries) => entries.forEach(({ target }) => reach(target)));
  blocks.forEach((code) => observer.observe(code));
  // A font that arrives late makes the text wider, and not its frame.
  document.fonts.addEventListener("loadingdone", () => blocks.forEach(reach));
})();

// By keyboard, past the contents: to the text, and to the first run of the page.
(() => {
  const main = document.querySelector("main");
  if (!main) return;
  const run = main.querySelector("section.run");
  const bar = document.createElement("nav");
  bar.className = "skip-links";
  bar.setAttribute("aria-label", "Skip the contents");
  const link = (words, target) => {
    const skip = document.createElement("a");
    skip.href = `#${target.id}`;
    skip.textContent = words;
    skip.addEventListener("click", () => {
      for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
      target.tabIndex = -1;
      target.focus();
    });
    bar.append(skip);
  };
  main.id ||= "text";
  link("Skip to the text", main);
  if (run) link("Skip to the first run", run);
  document.body.prepend(bar);
})();
