import { element } from '../dom/element.ts';
import { type SpanScale, seconds, spanRow } from './span-row.ts';
import { inOrder, type SpanNode } from './span-tree.ts';

export type Waterfall = { host: HTMLElement; select(spanId: string, focus: boolean): void };

/**
 * The spans as a tree beside their time. Arrow keys walk it, left and right fold; a choice is
 * reported to `onChoice`.
 */
export function spanWaterfall(roots: readonly SpanNode[], onChoice: (node: SpanNode) => void): Waterfall {
  return new SpanWaterfall(roots, onChoice);
}

class SpanWaterfall implements Waterfall {
  readonly host: HTMLElement;
  readonly #roots: readonly SpanNode[];
  readonly #every: readonly SpanNode[];
  readonly #onChoice: (node: SpanNode) => void;
  readonly #scale: SpanScale;
  readonly #rows: HTMLElement;
  readonly #folded = new Set<SpanNode>();
  #chosen: SpanNode;

  constructor(roots: readonly SpanNode[], onChoice: (node: SpanNode) => void) {
    this.#roots = roots;
    this.#every = inOrder(roots);
    this.#onChoice = onChoice;
    this.#chosen = this.#every[0]!;
    this.#scale = scaleOf(this.#every);
    this.#rows = element('div', {
      class: 'spans',
      role: 'treegrid',
      'aria-label': 'Spans',
      'aria-rowcount': this.#every.length,
      onkeydown: (event) => this.#walk(event as KeyboardEvent),
    });
    this.host = element('div', { class: 'waterfall' }, axis(this.#every.length, this.#scale), this.#rows);
    this.#draw();
  }

  select(spanId: string, focus: boolean): void {
    const node = this.#every.find(({ id }) => id === spanId);
    if (!node) return;
    for (let above = node.parent; above; above = above.parent) this.#folded.delete(above);
    this.#choose(node, focus);
  }

  #shown(): SpanNode[] {
    return inOrder(this.#roots, (node) => !this.#folded.has(node));
  }

  #draw(): void {
    const row = (node: SpanNode) =>
      spanRow(node, this.#scale, {
        isFolded: this.#folded.has(node),
        isChosen: node === this.#chosen,
        onChoose: () => this.#choose(node, true),
        onFold: (event) => this.#fold(event, node),
      });
    this.#rows.replaceChildren(...this.#shown().map(row));
  }

  #choose(node: SpanNode, focus: boolean): void {
    this.#chosen = node;
    this.#draw();
    if (focus) this.#rows.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
    this.#onChoice(node);
  }

  #fold(event: Event, node: SpanNode): void {
    if (node.children.length === 0) return;
    event.stopPropagation();
    if (!this.#folded.delete(node)) this.#folded.add(node);
    this.#choose(node, true);
  }

  #walk(event: KeyboardEvent): void {
    const to = this.#target(event.key);
    if (!to) return;
    event.preventDefault();
    this.#choose(to, true);
  }

  #target(key: string): SpanNode | undefined {
    const shown = this.#shown();
    const chosen = this.#chosen;
    const at = shown.indexOf(chosen);
    switch (key) {
      case 'ArrowDown':
        return shown[at + 1];
      case 'ArrowUp':
        return shown[at - 1];
      case 'Home':
        return shown[0];
      case 'End':
        return shown.at(-1);
      case 'ArrowRight':
        return this.#folded.delete(chosen) ? chosen : chosen.children[0];
      case 'ArrowLeft':
        if (chosen.children.length === 0 || this.#folded.has(chosen)) return chosen.parent;
        this.#folded.add(chosen);
        return chosen;
      default:
        return undefined;
    }
  }
}

function scaleOf(every: readonly SpanNode[]): SpanScale {
  const start = every.reduce((least, node) => (node.start < least ? node.start : least), every[0]!.start);
  const end = every.reduce((most, node) => (node.end > most ? node.end : most), every[0]!.end);
  const services = [...new Set(every.map(({ service }) => service))];
  return { start, total: Math.max(1, Number(end - start)), services };
}

function axis(count: number, { total }: SpanScale): HTMLElement {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) =>
    element('i', { style: { left: `${part * 100}%` } }, seconds(total * part)),
  );
  return element(
    'div',
    { class: 'span-axis', 'aria-hidden': 'true' },
    element('span', {}, `${count} ${count === 1 ? 'span' : 'spans'}`),
    element('span', { class: 'ticks' }, ticks),
  );
}
