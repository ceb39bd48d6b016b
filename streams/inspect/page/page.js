"use strict";
// Parts of the page come anew whenever they change. One that has the focus, or selected text, stays until it has not.
const busy = (part) => {
  const selected = getSelection();
  return part.contains(document.activeElement) || !selected.isCollapsed && part.contains(selected.anchorNode);
};
const live = new EventSource("live");
live.onmessage = (e) => {
  for (const [id, html] of Object.entries(JSON.parse(e.data))) {
    const part = document.getElementById(id);
    if (part && !busy(part)) part.innerHTML = html;
  }
};
