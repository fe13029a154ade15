// This page is shown for any address at which there is nothing, and knows neither that address
// nor where the book begins: it asks each folder of the address, the innermost first, for the
// book's own page of this kind, and takes that page's place there.
(async () => {
  const folders = location.pathname.split("/");
  while (folders.pop() !== undefined && folders.length > 0) {
    const root = `${location.origin}${folders.join("/")}/`;
    const answer = await fetch(root + PAGE).catch(() => null);
    if (!answer?.ok) continue;
    const page = await answer.text();
    // Some hosts answer with a page of theirs, and call it well.
    if (!page.includes(MARK)) continue;
    document.open();
    document.write(page.replace(MARK, () => `<base href="${root}">`));
    document.close();
    return;
  }
})();
