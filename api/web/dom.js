// Elements, made and changed. Text is set as text, never as HTML: the policy of these pages (Trusted Types) forbids that.

// element makes an element. An attribute that is a function listens to the event of its name; null and false are left out.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// setText changes an element's text only if it differs, because a screen reader reads every change.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// setAttribute does the same for an attribute; null takes it away.
export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

// reconcile makes a list show one part per item, in the items' order: it makes, shows, moves and removes parts, and leaves
// those alone that stay, so that focus and a screen reader's position survive. A part has a root element and show(item).
export function reconcile(list, parts, items, make) {
  const ids = new Set(items.map((item) => item.id));
  for (const [id, part] of parts) {
    if (!ids.has(id)) {
      part.root.remove();
      parts.delete(id);
    }
  }
  items.forEach((item, place) => {
    let part = parts.get(item.id);
    if (!part) parts.set(item.id, (part = make(item)));
    part.show(item);
    if (list.children[place] !== part.root) list.insertBefore(part.root, list.children[place] || null);
  });
}
