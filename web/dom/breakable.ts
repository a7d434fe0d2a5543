import { type Child, element } from './element.ts';

/**
 * The text of paths and names that may be broken after a slash, a dot or an underscore, and nowhere
 * else: what is read and copied stays the same.
 */
export function breakable(text: string): Child[] {
  return text.split(/(?<=[/._])/).flatMap((part, at) => (at === 0 ? [part] : [element('wbr'), part]));
}
