// What is wrong with a page as it stands, as far as a program sees it. finger: px, 0 without touch; readable:
// least contrast of text. Answers {wide, cut, small, pale, texts}.
({ finger, readable }) => {
  const found = { wide: document.documentElement.scrollWidth, cut: [], small: [], pale: [], texts: [] };
  const short = (node) => `${node.tagName}#${node.id}.${node.getAttribute("class")}: ${node.textContent.trim().slice(0, 60)}`;
  const channels = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((c, n) => c * a + under[n] * (1 - a));
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) layers.push(channels(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const shown = (node) => node.checkVisibility({ checkOpacity: false, checkVisibilityCSS: true });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    const said = text.data.trim();
    if (!said || !shown(node) || node.closest("script, option, .hear, .shape, svg, :disabled, [aria-hidden=true]")) continue;
    found.texts.push(said);
    let seen = 1;
    for (let at = node; at; at = at.parentElement) seen *= Number(getComputedStyle(at).opacity);
    const under = ground(node);
    const colour = channels(getComputedStyle(node).color);
    const [a, b] = [light(over([...colour.slice(0, 3), colour[3] * seen], under)), light(under)].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < readable) found.pale.push(`${((a + 0.05) / (b + 0.05)).toFixed(1)} ${short(node)}`);
  }
  for (const node of document.querySelectorAll("body *")) {
    if (!shown(node) || node.closest("svg, .js-plotly-plot, .hear")) continue;
    const style = getComputedStyle(node);
    const clips = style.overflowX === "hidden" && style.display !== "inline";
    const clamped = style.webkitLineClamp !== "none" && node.scrollHeight > node.clientHeight + 1;
    if (((clips && node.scrollWidth > node.clientWidth + 1) || clamped) && !node.closest("[title]") && !node.matches("body, input, select")) found.cut.push(short(node));
    if (finger && node.matches("button, select, input, textarea, nav a, a.button, a.do")) {
      const box = (node.matches("input[type=checkbox]") ? (node.closest("label, td") ?? node) : node).getBoundingClientRect();
      if (box.height < finger || box.width < finger) found.small.push(`${box.width.toFixed(0)} x ${box.height.toFixed(0)} ${short(node)}`);
    }
  }
  return found;
}
