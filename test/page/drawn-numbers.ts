import type { Page } from 'playwright-core';
import type { Panel } from '../../web/dashboards/dashboard.ts';
import { formatValue } from '../../web/format/format-value.ts';

/** Every number that the stores have answered to a page, so that what it shows can be compared with them. */
export class AnsweredNumbers {
  readonly #reading: Promise<void>[] = [];
  readonly #values = new Set<number>();

  constructor(page: Page) {
    page.on('response', (response) => {
      if (/\/backends\/(prometheus\/api\/v1\/query|loki\/)/.test(response.url()) && response.status() === 200)
        this.#reading.push(this.#read(response.json()));
    });
  }

  /** As the panel would write them: in its units and those of its overrides. */
  async asShownIn(panel: Panel): Promise<ReadonlySet<string>> {
    await Promise.all(this.#reading);
    const { unit = 'short', decimals } = panel.fieldConfig?.defaults ?? {};
    const overrides = panel.fieldConfig?.overrides ?? [];
    const given = (id: string) =>
      overrides.flatMap(({ properties }) => properties.filter((each) => each.id === id).map(({ value }) => value));
    const units = new Set([unit, ...(given('unit') as string[])]);
    const roundings = new Set([decimals, ...(given('decimals') as (number | undefined)[])]);
    const shown = new Set([withoutSpaces(panel.fieldConfig?.defaults?.noValue ?? '')]);
    for (const each of units)
      for (const rounding of roundings)
        for (const value of this.#values) shown.add(withoutSpaces(formatValue(value, each, rounding)));
    return shown;
  }

  async #read(answer: Promise<unknown>): Promise<void> {
    // A page that was closed meanwhile has nothing left to be compared.
    const body = (await answer.catch(() => undefined)) as
      | { data?: { result?: { value?: [number, string]; values?: [number | string, string][] }[] } }
      | undefined;
    if (!Array.isArray(body?.data?.result)) return;
    for (const { value, values = [] } of body.data.result)
      for (const [, number] of value ? [value] : values) this.#values.add(Number(number));
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
