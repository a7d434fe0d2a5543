import { type Child, element } from '../dom/element.ts';
import { formatValue } from '../format/format-value.ts';
import type { FlightRecord } from './flight-record.ts';
import { requestTable } from './request-table.ts';

type Fact = [string, Child];

const ms = (value: number | null | undefined) =>
  value === null || value === undefined ? '–' : formatValue(value / 1000, 's');

/** The surroundings of the request: queue on arrival, batch, and what else ran. */
export function requestFacts(record: FlightRecord): HTMLElement {
  const { batch_mates: mates, inputs } = record;
  return element(
    'div',
    { class: 'fact-columns' },
    queueBlock(record),
    inputs &&
      inputs.length > 0 &&
      block(
        'Its inputs',
        inputs.map(({ name, datatype, shape }): Fact => [name, `${datatype} [${shape.join(', ')}]`]),
      ),
    stepsBlock(record),
    batchBlock(record),
    runnerBlock(record),
    competitionBlock(record),
    mates &&
      mates.known.length > 0 &&
      element(
        'section',
        { class: 'card wide' },
        element('h3', {}, `In the same batch (${mates.known.length} of ${mates.count})`),
        requestTable(mates.known, 'Requests of the same batch'),
      ),
  );
}

function queueBlock({ arrival }: FlightRecord): HTMLElement | undefined {
  if (!arrival) return undefined;
  return block('The queue it found', [
    ['waiting before it', formatValue(arrival.waiting, 'none')],
    ['queued input bytes', formatValue(arrival.waiting_bytes, 'bytes')],
    ['running', formatValue(arrival.running, 'none')],
    ['predicted wait', ms(arrival.predicted_wait_ms)],
    ['actual wait', ms(arrival.waited_ms)],
  ]);
}

function stepsBlock({ steps }: FlightRecord): HTMLElement | undefined {
  if (!steps) return undefined;
  return block(
    'Its steps',
    steps.map(({ name, model, operation, duration_ms, queue_ms, run_ms, failure }): Fact => {
      const times = `${ms(duration_ms)}: queue ${ms(queue_ms)}, run ${ms(run_ms)}`;
      const ended = failure === null ? '' : `, ${failure}`;
      return [name, `${model ?? operation ?? 'another model'}, ${times}${ended}`];
    }),
  );
}

function paddingFact({ padding, padding_bytes: bytes }: NonNullable<FlightRecord['batch']>): Fact {
  return ['padding', `${formatValue(padding, 'percentunit')}, ${formatValue(bytes, 'bytes')}`];
}

function batchBlock({ batch }: FlightRecord): HTMLElement | undefined {
  if (!batch) return undefined;
  const facts: Fact[] = [
    ['requests', formatValue(batch.requests, 'none')],
    ['rows', `${batch.rows} of ${batch.rows_max}`],
    ...(batch.padding_bytes > 0 ? [paddingFact(batch)] : []),
    ['batch closed', batch.closed_by],
    ['outcome', batch.outcome],
    ['run', ms(batch.duration_ms)],
    ['ONNX Runtime', ms(batch.session_ms)],
    ['CPU time', ms(batch.cpu_ms)],
    ['GPU', batch.hw_id ?? 'none'],
  ];
  if (batch.trace_id) {
    const link = { class: 'mono', href: `#/requests/${batch.trace_id}` };
    facts.push(['trace', element('a', link, batch.trace_id.slice(0, 12))]);
  }
  return block('Its batch', facts);
}

function runnerBlock({ session, batch }: FlightRecord): HTMLElement | undefined {
  if (!session && !batch) return undefined;
  const facts: Fact[] = [];
  if (batch) facts.push(['lane', batch.lane], ['provider', batch.provider]);
  if (session)
    facts.push(
      ['lanes', `${session.lanes}, each a ${session.lane_kind}`],
      ['intra-op threads', String(session.intra_op_threads)],
      ['inter-op threads', String(session.inter_op_threads)],
    );
  return block('Runtime', facts);
}

function competitionBlock({ competition }: FlightRecord): HTMLElement | undefined {
  if (!competition || competition.models.length + competition.loads.length === 0) return undefined;
  return block(`Ran at the same time${competition.is_whole ? '' : ' (as far as remembered)'}`, [
    ...competition.models.map(
      ({ model, batches, rows, shared_ms }): Fact => [
        model ?? 'other models',
        `${batches} ${batches === 1 ? 'batch' : 'batches'}, ${rows} ${rows === 1 ? 'row' : 'rows'}, ${ms(shared_ms)} at the same time`,
      ],
    ),
    ...competition.loads.map(
      ({ model, version, shared_ms }): Fact => [
        model === null ? 'load of another model' : `load of ${model} ${version}`,
        `${ms(shared_ms)} at the same time`,
      ],
    ),
  ]);
}

function block(title: string, facts: Fact[]): HTMLElement {
  return element(
    'section',
    { class: 'card' },
    element('h3', {}, title),
    element(
      'dl',
      { class: 'facts' },
      facts.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]),
    ),
  );
}
