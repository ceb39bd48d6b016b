"use strict";
// Parts of the page come anew whenever they change. One that has the focus, or selected text, waits until it has not.
const waiting = new Map();
const busy = (part) => {
  const selected = getSelection();
  return part.contains(document.activeElement) || !selected.isCollapsed && part.contains(selected.anchorNode);
};
const show = () => {
  for (const [id, html] of waiting) {
    const part = document.getElementById(id);
    if (part && busy(part)) continue;
    waiting.delete(id);
    if (part) part.innerHTML = html;
  }
};
const live = new EventSource("live");
live.onmessage = (e) => {
  for (const [id, html] of Object.entries(JSON.parse(e.data))) waiting.set(id, html);
  show();
};
document.addEventListener("selectionchange", show);
document.addEventListener("focusout", () => setTimeout(show));
