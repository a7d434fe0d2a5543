import { element } from '../dom/element.ts';
import type { Panel } from './dashboard.ts';
import type { Judged } from './judge-values.ts';
import { verdictWords } from './verdict-words.ts';

/** How many checks of the dashboard pass, and which fail; each of these leads to its panel. */
export function verdictLine(values: readonly Judged[], lookAt: (panel: Panel) => void): HTMLElement | undefined {
  if (values.length === 0) return undefined;
  const beyond = values.filter(({ is }) => is !== 'good');
  const words = element('strong', {}, verdictWords(values));
  if (beyond.length === 0) return element('p', { class: 'verdict-line good' }, words);
  const worst = beyond.some(({ is }) => is === 'bad') ? 'bad' : 'warn';
  return element(
    'p',
    { class: `verdict-line ${worst}` },
    words,
    [...beyond]
      .sort((a, b) => Number(b.is === 'bad') - Number(a.is === 'bad'))
      .slice(0, 12)
      .map(({ panel, of, says, is }) =>
        element(
          'button',
          { type: 'button', class: `badge ${is}`, onclick: () => lookAt(panel) },
          [panel.title, of, says].filter((part) => part).join(' · '),
        ),
      ),
    beyond.length > 12 && ` and ${beyond.length - 12} more`,
  );
}
