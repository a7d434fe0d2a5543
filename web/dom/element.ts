export type Child = Node | string | number | null | undefined | false | readonly Child[];

type Listener = (event: Event) => void;
type Properties = Readonly<
  Record<string, string | number | boolean | null | undefined | Listener | Readonly<Record<string, string>>>
>;

/**
 * An element with its attributes, `on…` listeners and children. Text only ever becomes text:
 * nothing on this page is parsed as HTML. Styles are set through the style object, since the
 * Content-Security-Policy takes no style attributes.
 */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  return filled(document.createElement(tag), properties, children);
}

export function svg(tag: string, properties: Properties = {}, ...children: Child[]): SVGElement {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), properties, children);
}

function filled<E extends HTMLElement | SVGElement>(made: E, properties: Properties, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') made.addEventListener(name.slice(2), value);
    else if (typeof value === 'object')
      for (const [key, text] of Object.entries(value)) made.style.setProperty(key, text);
    else made.setAttribute(name, value === true ? '' : String(value));
  }
  append(made, children);
  return made;
}

function append(parent: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child instanceof Node) parent.append(child);
    else if (Array.isArray(child)) append(parent, child);
    else if (child !== undefined && child !== null && child !== false) parent.append(String(child));
  }
}
