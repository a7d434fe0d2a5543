/** A table under its title; nothing where it would be empty. */
export function table(title: string, head: string[], rows: string[][]): string {
  if (rows.length === 0) return '';
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const written = lines.map((line) =>
    // Words to the left, numbers to the right.
    line
      .map((cell, column) =>
        isNumber(rows[0]?.[column] ?? '') ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
  return [title, ...written.map((line) => `  ${line}`)].join('\n');
}

/** With its unit, as in `4.2 ms`; an id or a time begins with digits, too. */
function isNumber(cell: string): boolean {
  return /^(?:–|\?|\d[\d.]*(?: \S{1,2})?)$/.test(cell);
}
