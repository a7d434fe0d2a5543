/** What can be other in a replay, as the address and POST /v1/what-if name it. */
export type Change = {
  name: string;
  title: string;
  unit: string;
  min: number;
  max: number;
  step?: number;
};

export const changes: readonly Change[] = [
  { name: 'lanes', title: 'Lanes', unit: '', min: 1, max: 64 },
  { name: 'rows_max', title: 'Rows in a batch', unit: '', min: 0, max: 65_536 },
  { name: 'delay_us_max', title: 'Wait for rows', unit: 'µs', min: 0, max: 60_000_000 },
  { name: 'queue_inputs_max', title: 'Queue limit', unit: 'requests', min: 1, max: 1_000_000 },
  { name: 'queue_bytes_max', title: 'Queue limit', unit: 'bytes', min: 1, max: 2 ** 40 },
  { name: 'replicas', title: 'Replicas', unit: '', min: 1, max: 16 },
  { name: 'load', title: 'Load', unit: 'times', min: 0.1, max: 10, step: 0.1 },
];

export const minuteChoices = ['5', '15', '60'];

/** What is asked of the service, as the address says; a number that is none is left out. */
export function askedOf(parameters: URLSearchParams, model: string): Record<string, string | number> {
  const numbers = changes.flatMap(({ name }): [string, number][] => {
    const text = parameters.get(name) ?? '';
    return text.trim() === '' || !Number.isFinite(Number(text)) ? [] : [[name, Number(text)]];
  });
  const from = parameters.get('from');
  const to = parameters.get('to');
  const tenant = parameters.get('without_tenant');
  return {
    model,
    ...(from === null ? { minutes: Number(parameters.get('minutes') ?? 60) } : { from, ...(to !== null && { to }) }),
    ...Object.fromEntries(numbers),
    ...(tenant && { without_tenant: tenant }),
  };
}
