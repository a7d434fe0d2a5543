/**
 * Words that a stranger reads twice, and what to write instead. docs/glossary.md has the words of
 * the trade.
 */
export const banned: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\b(?:tells?|told|telling)\b/i, instead: 'record, report, log, export, say' },
  { pattern: /\banew\b/i, instead: 'again' },
  { pattern: /\brenew(?:s|ed|al|ing)?\b/i, instead: 'refresh, reload, restart' },
  { pattern: /\bwho(?:m|so)?ever\b/i, instead: 'name the actor: the client, the operator' },
  { pattern: /\bin truth\b/i, instead: 'actual' },
  { pattern: /\b(?:un)?foreseen\b/i, instead: 'expected, predicted, known' },
  { pattern: /\bby our fault\b/i, instead: 'server error' },
  { pattern: /\bof it\b/i, instead: 'repeat the noun' },
  { pattern: /\bthose of\b/i, instead: 'repeat the noun' },
  { pattern: /\bwhat is over\b/i, instead: 'finished' },
  { pattern: /\b(?:batch )?mates\b/i, instead: 'other requests of the batch' },
  { pattern: /\b(?:is|are|was|were) away\b|\baway\b(?=[.,;:])/i, instead: 'down, unreachable' },
  { pattern: /\b(?:is|are|was|were|be) well\b/i, instead: 'healthy' },
  { pattern: /\bfront doors?\b|\bdoors?\b/i, instead: 'port, endpoint, entry' },
  { pattern: /\blets? go of\b|\bletting go\b/i, instead: 'release, free' },
  { pattern: /\bas it was found\b/i, instead: 'on arrival' },
];

export const wordsMax = 25;
export const columnsMax = 100;
