// Code that is wider than its frame scrolls: by keyboard, too.
(() => {
  const reach = (entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  };
  const observer = new ResizeObserver(reach);
  document.querySelectorAll(".content pre > code").forEach((code) => observer.observe(code));
})();
