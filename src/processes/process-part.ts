/**
 * The part of VITRINE_DATA that belongs to a process of the service, by its number. The first has
 * the folder of a service with one process, so nothing moves when their number changes.
 */
export function processPart(number: number): string {
  return number === 1 ? 'service' : `service-${number}`;
}

/** The number behind the name of such a folder; undefined of other folders. */
export function numberOfPart(part: string): number | undefined {
  const found = /^service(?:-([1-9]\d*))?$/.exec(part);
  return found ? Number(found[1] ?? 1) : undefined;
}
