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
