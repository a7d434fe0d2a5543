import { type Child, element } from '../dom/element.ts';
import { formatValue } from '../format/format-value.ts';
import type { FlightRecord } from './flight-record.ts';
import { requestTable } from './request-table.ts';

const ms = (value: number | null | undefined) =>
  value === null || value === undefined ? '–' : formatValue(value / 1000, 's');

/** What stood around the request: the queue it found, the batch it was in, and what else ran. */
export function requestFacts(record: FlightRecord): HTMLElement {
  const { arrival, batch, session, competition, batch_mates: mates, inputs } = record;
  return element(
    'div',
    { class: 'fact-columns' },
    arrival &&
      block('The queue it found', [
        ['waiting before it', formatValue(arrival.waiting, 'none')],
        ['their inputs', formatValue(arrival.waiting_bytes, 'bytes')],
        ['being run', formatValue(arrival.running, 'none')],
        ['wait foreseen', ms(arrival.predicted_wait_ms)],
        ['wait in truth', ms(arrival.waited_ms)],
      ]),
    inputs &&
      inputs.length > 0 &&
      block(
        'Its inputs',
        inputs.map(({ name, datatype, shape }): Fact => [name, `${datatype} [${shape.join(', ')}]`]),
      ),
    batch &&
      block('Its batch', [
        ['requests', formatValue(batch.requests, 'none')],
        ['rows', `${batch.rows} of ${batch.rows_max}`],
        ['closed by', batch.closed_by],
        ['outcome', batch.outcome],
        ['run', ms(batch.duration_ms)],
        ['of it ONNX', ms(batch.session_ms)],
        ['CPU time', ms(batch.cpu_ms)],
        ['GPU', batch.hw_id ?? 'none'],
        ...(batch.trace_id
          ? [
              [
                'trace',
                element('a', { class: 'mono', href: `#/requests/${batch.trace_id}` }, batch.trace_id.slice(0, 12)),
              ] as Fact,
            ]
          : []),
      ]),
    (session || batch) &&
      block('What ran it', [
        ...(batch ? [['lane', batch.lane] as Fact, ['provider', batch.provider] as Fact] : []),
        ...(session
          ? [
              ['lanes', `${session.lanes}, each a ${session.lane_kind}`] as Fact,
              ['threads in an operator', String(session.intra_op_threads)] as Fact,
              ['threads between', String(session.inter_op_threads)] as Fact,
            ]
          : []),
      ]),
    competition &&
      (competition.models.length > 0 || competition.loads.length > 0) &&
      block(`Ran meanwhile${competition.is_whole ? '' : ' (as far as remembered)'}`, [
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
      ]),
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

type Fact = [string, Child];

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
