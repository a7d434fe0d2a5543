import { element } from '../dom/element.ts';
import { criticalPath } from './critical-path.ts';
import { type SpanScale, seconds, spanRow } from './span-row.ts';
import { spanTools } from './span-tools.ts';
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
  readonly #rows: HTMLElement;
  readonly #axis = element('div', { class: 'span-axis', 'aria-hidden': 'true' });
  readonly #folded = new Set<SpanNode>();
  readonly #critical: ReadonlySet<SpanNode>;
  readonly #tools: ReturnType<typeof spanTools>;
  #scale: SpanScale;
  #isZoomed = false;
  #showsCritical = false;
  #searched = '';
  #chosen: SpanNode;

  constructor(roots: readonly SpanNode[], onChoice: (node: SpanNode) => void) {
    this.#roots = roots;
    this.#every = inOrder(roots);
    this.#onChoice = onChoice;
    this.#chosen = this.#every[0]!;
    this.#scale = this.#wholeScale();
    this.#critical = criticalPath(this.#every[0]!);
    this.#tools = spanTools({
      onCritical: (on) => {
        this.#showsCritical = on;
        this.#draw();
      },
      onZoom: () => this.#zoom(this.#chosen),
      onAll: () => this.#zoom(undefined),
      onSearch: (text, next) => this.#search(text, next),
    });
    this.#rows = element('div', {
      class: 'spans',
      role: 'treegrid',
      'aria-label': 'Spans',
      'aria-rowcount': this.#every.length,
      onkeydown: (event) => this.#walk(event as KeyboardEvent),
    });
    this.host = element('div', { class: 'waterfall' }, this.#tools.host, this.#axis, this.#rows);
    this.#draw();
  }

  /** A profile runs after the answer, on an axis of its own. */
  #wholeScale(): SpanScale {
    const own = this.#every.filter((node) => profileOf(node) === undefined);
    return scaleOf(own.length > 0 ? own : this.#every, this.#every);
  }

  #zoom(node: SpanNode | undefined): void {
    this.#scale = node ? scaleOf([node], this.#every) : this.#wholeScale();
    this.#isZoomed = node !== undefined;
    this.#tools.isZoomed(this.#isZoomed);
    this.#draw();
  }

  /** Goes to the first that has the text, or to the next after the chosen one. */
  #search(text: string, next: boolean): void {
    this.#searched = text.toLowerCase();
    const found = text === '' ? [] : this.#every.filter((node) => hasText(node, this.#searched));
    this.#tools.found(text === '' ? undefined : found.length);
    const after = found.find((node) => this.#every.indexOf(node) > this.#every.indexOf(this.#chosen));
    const to = next ? (after ?? found[0]) : found[0];
    if (to) this.select(to.id, false);
    else this.#draw();
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
      spanRow(node, this.#scaleFor(node), {
        isFolded: this.#folded.has(node),
        isChosen: node === this.#chosen,
        isCritical: this.#showsCritical && this.#critical.has(node),
        isFound: this.#searched === '' ? undefined : hasText(node, this.#searched),
        onChoose: () => this.#choose(node, true),
        onFold: (event) => this.#fold(event, node),
      });
    const { scrollTop } = this.#rows;
    this.#axis.replaceChildren(...axis(this.#every.length, this.#scale));
    this.#rows.replaceChildren(...this.#shown().map(row));
    this.#rows.scrollTop = scrollTop;
  }

  #scaleFor(node: SpanNode): SpanScale {
    const profile = profileOf(node);
    return profile && !this.#isZoomed ? scaleOf([profile], this.#every) : this.#scale;
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
      case 'z':
        this.#zoom(chosen);
        return chosen;
      case 'Escape':
        this.#zoom(undefined);
        return chosen;
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

function scaleOf(shown: readonly SpanNode[], every: readonly SpanNode[]): SpanScale {
  const start = shown.reduce((least, node) => (node.start < least ? node.start : least), shown[0]!.start);
  const end = shown.reduce((most, node) => (node.end > most ? node.end : most), shown[0]!.end);
  const services = [...new Set(every.map(({ service }) => service))];
  return { start, total: Math.max(1, Number(end - start)), services };
}

/** The profile that a span belongs to, itself included. */
function profileOf(node: SpanNode): SpanNode | undefined {
  for (let at: SpanNode | undefined = node; at; at = at.parent) if (at.name === 'inference.profile') return at;
  return undefined;
}

function hasText({ name, service, id, attributes }: SpanNode, text: string): boolean {
  return [name, service, id, ...attributes.flat()].some((each) => each.toLowerCase().includes(text));
}

function axis(count: number, { total }: SpanScale): HTMLElement[] {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) =>
    element('i', { style: { left: `${part * 100}%` } }, seconds(total * part)),
  );
  return [
    element('span', {}, `${count} ${count === 1 ? 'span' : 'spans'}`),
    element('span', { class: 'ticks' }, ticks),
  ];
}
