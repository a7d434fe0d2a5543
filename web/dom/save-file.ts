import { element } from './element.ts';

/** Saves a text as a file of the person's. */
export async function saveFile(name: string, type: string, text: string): Promise<void> {
  const href = URL.createObjectURL(new Blob([text], { type }));
  const link = element('a', { href, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}
