import type { Page } from 'playwright-core';
import type { Panel } from '../../web/dashboards/dashboard.ts';
import { formatValue } from '../../web/format/format-value.ts';

type Answer = { data?: { result?: { value?: [number, string]; values?: [number | string, string][] }[] } };

/** Every number that the stores have answered to a page, so that what it shows can be compared with them. */
export class AnsweredNumbers {
  readonly #page: Page;
  #values: ReadonlySet<number> | undefined;

  private constructor(page: Page) {
    this.#page = page;
  }

  /** Listens from here on, in the page itself: the browser forgets bodies of answers when there are many. */
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

  /** As the panel would write them: in its units and those of its overrides. Nothing may be asked any more. */
  async asShownIn(panel: Panel): Promise<ReadonlySet<string>> {
    this.#values ??= await this.#answered();
    const values = this.#values;
    const { unit = 'short', decimals } = panel.fieldConfig?.defaults ?? {};
    const overrides = panel.fieldConfig?.overrides ?? [];
    const given = (id: string) =>
      overrides.flatMap(({ properties }) => properties.filter((each) => each.id === id).map(({ value }) => value));
    const units = new Set([unit, ...(given('unit') as string[])]);
    const roundings = new Set([decimals, ...(given('decimals') as (number | undefined)[])]);
    const shown = new Set([withoutSpaces(panel.fieldConfig?.defaults?.noValue ?? '')]);
    for (const each of units)
      for (const rounding of roundings)
        for (const value of values) shown.add(withoutSpaces(formatValue(value, each, rounding)));
    return shown;
  }

  async #answered(): Promise<Set<number>> {
    const answers = await this.#page.evaluate<Answer[]>('window.answersOfStores');
    const results = answers.flatMap(({ data }) => (Array.isArray(data?.result) ? data.result : []));
    const samples = results.flatMap(({ value, values = [] }) => (value ? [value] : values));
    return new Set(samples.map(([, number]) => Number(number)));
  }
}

/** The numbers that a panel shows, as their text; charts as tables, which `showChartsAsTables` makes of them. */
export function numbersShown(page: Page, panelId: number): Promise<string[]> {
  return page.evaluate<string[]>(
    `[...document.querySelectorAll('[data-panel="${panelId}"] :is(.stat-value, .gauge-value, .bar-value, td.number)')]
      .map(({ textContent }) => textContent.replaceAll(/\\s/g, '')).filter((text) => /\\d/.test(text))`,
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
