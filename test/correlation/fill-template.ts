/**
 * What Grafana knows when it follows a link: of a span, of a value in a panel, of a row of a table.
 */
export type Fields = Readonly<Record<string, string>>;

/**
 * Fills a template of a provisioned data source as Grafana does: `$$` has become `$` when the file
 * was read; `${__span.tags["a.b"]}` and its like are looked up by their whole text, `$__name` by
 * its name. What is not known stays as it is.
 */
export function fillTemplate(template: string, fields: Fields): string {
  return template
    .replaceAll('$$', '$')
    .replaceAll(/\$\{([^}]+)\}/g, (whole, name: string) => fields[name] ?? whole)
    .replaceAll(/\$(__\w+)/g, (whole, name: string) => fields[name] ?? whole);
}

/**
 * `$__tags`: the tags of the span that the data source names, as matchers, under the names given
 * there.
 */
export function tagMatchers(
  tags: readonly { key: string; value?: string }[],
  attributes: Readonly<Record<string, string>>,
): string {
  return tags
    .filter(({ key }) => attributes[key] !== undefined)
    .map(({ key, value }) => `${value ?? key}="${attributes[key]}"`)
    .join(', ');
}

/** Follows a link of a panel: fills its variables, percent-encoded where the link asks for it. */
export function followLink(url: string, fields: Fields): URL {
  const filled = url.replaceAll(/\$\{([^}]+?)(:percentencode)?\}/g, (whole, name: string, encode?: string) => {
    const value = fields[name];
    if (value === undefined) throw new Error(`Grafana would not know ${whole}`);
    return encode === undefined ? value : encodeURIComponent(value);
  });
  return new URL(filled, 'http://grafana');
}

/** The query that a link to Explore opens: of which data source, and its text. */
export function exploredQuery(url: URL): { source: string; query: string } {
  const panes = JSON.parse(url.searchParams.get('panes') ?? '{}') as Record<
    string,
    { datasource: string; queries: { query?: string; expr?: string }[] }
  >;
  const [pane] = Object.values(panes);
  const [query] = pane?.queries ?? [];
  if (pane === undefined || query === undefined) throw new Error(`${url.href} opens no query`);
  return { source: pane.datasource, query: query.query ?? query.expr ?? '' };
}
