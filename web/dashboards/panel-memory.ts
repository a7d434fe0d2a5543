import { replaceParameters } from '../route.ts';

/**
 * What a person did to a panel: lines that are hidden, the column that sorts. A refresh leaves it,
 * and the address has it.
 */
export class PanelMemory {
  readonly #hide: string;
  readonly #sort: string;
  readonly #parameters: URLSearchParams;

  constructor(panelId: number, parameters = new URLSearchParams()) {
    this.#hide = `hide-${panelId}`;
    this.#sort = `sort-${panelId}`;
    this.#parameters = parameters;
  }

  isHidden(line: string): boolean {
    return this.#parameters.getAll(this.#hide).includes(line);
  }

  hide(line: string, isHidden: boolean): void {
    if (isHidden) this.#parameters.append(this.#hide, line);
    else this.#parameters.delete(this.#hide, line);
    replaceParameters(this.#parameters);
  }

  get sorted(): { column: string; descending: boolean } | undefined {
    const given = this.#parameters.get(this.#sort);
    return given === null ? undefined : { column: given.replace(/^-/, ''), descending: given.startsWith('-') };
  }

  sort(column: string, descending: boolean): void {
    this.#parameters.set(this.#sort, `${descending ? '-' : ''}${column}`);
    replaceParameters(this.#parameters);
  }
}
