import { type Language, languages } from './query-panel.ts';

export type Asked = { language: Language; query: string };

const place = 'vitrine.queries';
const max = 30;

/** What was asked in this browser, the newest first. */
export function queryHistory(): Asked[] {
  try {
    const stored = JSON.parse(localStorage.getItem(place) ?? '[]') as Asked[];
    return stored.filter(({ language, query }) => languages.includes(language) && typeof query === 'string');
  } catch {
    // Somebody else wrote there: then there is no history.
    return [];
  }
}

export function rememberQuery(asked: Asked): void {
  const others = queryHistory().filter(({ language, query }) => language !== asked.language || query !== asked.query);
  localStorage.setItem(place, JSON.stringify([asked, ...others].slice(0, max)));
}
