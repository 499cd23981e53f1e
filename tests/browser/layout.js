// What does not fit or cannot be hit: WCAG 2.2, 1.4.10 (reflow) and 2.5.8 (target size, 24 px).
(() => {
  const wrong = [];
  const page = document.scrollingElement;
  if (page.scrollWidth > innerWidth) {
    const widest = [...document.querySelectorAll("main *, header *")]
      .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".picture, #tabs, .scroll"));
    wrong.push(`the page is ${page.scrollWidth} px wide of ${innerWidth}: ${widest.slice(0, 3).map((e) => e.outerHTML.slice(0, 80))}`);
  }
  const picture = document.querySelector(".picture");
  if (picture && picture.scrollWidth > picture.clientWidth) {
    wrong.push(`the picture is ${picture.scrollWidth} px wide of ${picture.clientWidth}`);
  }
  for (const target of document.querySelectorAll("a, button, input, textarea, summary")) {
    if (!target.checkVisibility() || target.closest(".skip")) continue;
    // A link in a sentence is as high as its line.
    if (getComputedStyle(target).display === "inline") continue;
    const box = target.getBoundingClientRect();
    if (box.height < 24 || box.width < 24) {
      wrong.push(`${target.outerHTML.slice(0, 80)} is ${Math.round(box.width)} × ${Math.round(box.height)} px`);
    }
  }
  return wrong;
})()
