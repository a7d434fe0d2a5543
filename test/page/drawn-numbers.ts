import type { Page } from 'playwright-core';
import type { Panel } from '../../web/dashboards/dashboard.ts';
import { formatValue } from '../../web/format/format-value.ts';

type Answer = { data?: { result?: { value?: [number, string]; values?: [number | string, string][] }[] } };

/**
 * Every number that the stores have answered to a page, so that what it shows can be compared with
 * them.
 */
export class AnsweredNumbers {
  readonly #page: Page;
  #values: ReadonlySet<number> | undefined;
  readonly #written = new Map<string, ReadonlySet<string>>();

  private constructor(page: Page) {
    this.#page = page;
  }

  /**
   * Listens from here on, in the page itself: the browser forgets bodies of answers when there are
   * many.
   */
  static async of(page: Page): Promise<AnsweredNumbers> {
    await page.evaluate(`{
      const ask = window.fetch;
      window.answersOfStores = [];
      window.fetch = async (...given) => {
        const response = await ask(...given);
        if (response.ok && /\\/backends\\/(prometheus\\/api\\/v1\\/query|loki\\/)/.test(response.url))
          window.answersOfStores.push(await response.clone().json());
        return response;
      };
    }`);
    return new AnsweredNumbers(page);
  }

  /**
   * As the panel would write them, in the unit of this column where it has one of its own. Nothing
   * may be asked any more.
   */
  async asShownIn(panel: Panel, column: string): Promise<ReadonlySet<string>> {
    this.#values ??= await this.#answered();
    const values = this.#values;
    const { unit = 'short', decimals, noValue = '' } = panel.fieldConfig?.defaults ?? {};
    const own = (panel.fieldConfig?.overrides ?? [])
      .filter(({ matcher }) => matcher.id === 'byName' && matcher.options === column)
      .flatMap(({ properties }) => properties);
    const of = (id: string) => own.findLast((property) => property.id === id)?.value;
    const as = [(of('unit') as string) ?? unit, (of('decimals') as number) ?? decimals] as const;
    const key = JSON.stringify([noValue, as]);
    const written =
      this.#written.get(key) ??
      new Set([noValue, ...[...values].map((value) => formatValue(value, ...as))].map(withoutSpaces));
    this.#written.set(key, written);
    return written;
  }

  async #answered(): Promise<Set<number>> {
    const answers = await this.#page.evaluate<Answer[]>('window.answersOfStores');
    const results = answers.flatMap(({ data }) => (Array.isArray(data?.result) ? data.result : []));
    const samples = results.flatMap(({ value, values = [] }) => (value ? [value] : values));
    return new Set(samples.map(([, number]) => Number(number)));
  }
}

/**
 * The numbers that a panel shows, as their text, with the column of a table; charts as tables,
 * which `showChartsAsTables` makes of them.
 */
export function numbersShown(page: Page, panelId: number): Promise<{ text: string; column: string }[]> {
  return page.evaluate<{ text: string; column: string }[]>(
    `[...document.querySelectorAll('[data-panel="${panelId}"] :is(.stat-value, .gauge-value, .bar-value, td.number)')]
      .map((place) => ({
        text: place.textContent.replaceAll(/\\s/g, ''),
        column: place.closest('table')?.tHead.rows[0].cells[place.cellIndex].textContent.replace(/\\s*[↑↓]$/, '') ?? '',
      }))
      .filter(({ text }) => /\\d/.test(text))`,
  );
}

export async function showChartsAsTables(page: Page): Promise<void> {
  await page.evaluate(
    `document.querySelectorAll('.panel-timeseries [aria-label^="As a table"]').forEach((button) => button.click())`,
  );
}

function withoutSpaces(text: string): string {
  return text.replaceAll(/\s/g, '');
}
