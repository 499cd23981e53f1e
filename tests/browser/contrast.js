// What stands too little out from its ground: WCAG 2.2, texts by 1.4.3 and fields by 1.4.11 (AA).
(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  /** Any CSS colour as [red, green, blue, alpha], 0 to 255. */
  const parse = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const part = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ratio = (a, b) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return parse("Canvas");
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const element = text.parentElement;
    if (!text.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest(".unseen, script, noscript, [aria-hidden=true]")) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const found = ratio(parse(style.color), ground(element));
    if (found < (large ? 3 : 4.5)) poor.push(`${text.data.trim().slice(0, 40)}: ${found.toFixed(2)}`);
  }
  for (const field of document.querySelectorAll("input, textarea, button")) {
    if (!field.checkVisibility()) continue;
    const name = field.id || field.textContent;
    const placeholder = parse(getComputedStyle(field, "::placeholder").color);
    if (field.placeholder && ratio(placeholder, ground(field)) < 4.5) poor.push(`placeholder of ${name}`);
    // What shows that there is something to write in or to press: 1.4.11 (AA).
    const border = parse(getComputedStyle(field).borderTopColor);
    const around = ground(field.parentElement);
    if (ratio(border, around) < 3) poor.push(`border of ${name}: ${ratio(border, around).toFixed(2)}`);
  }
  return poor;
})()
