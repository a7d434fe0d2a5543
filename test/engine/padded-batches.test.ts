import assert from 'node:assert/strict';
import fc from 'fast-check';
import { shareOut } from '../../src/engine/batching/answer-batch.ts';
import { cutPadded, joinPadded } from '../../src/engine/batching/pad-rows.ts';
import { type Padding, paddedBatch } from '../../src/engine/batching/padding.ts';
import { type Batch, type Waiting, WaitingInputs } from '../../src/engine/batching/waiting-inputs.ts';
import { elementsOf, type Tensor } from '../../src/engine/tensor.ts';

const padding = (wasteMax: number): Padding => ({
  dimensions: [{ name: 'time', input: 0, axis: 1 }],
  inputs: [{ axes: [{ axis: 1, dimension: 0 }], fill: 0 }],
  outputs: { y: [{ axis: 1, dimension: 0 }] },
  wasteMax,
});

const tensor = (name: string, shape: readonly number[], from = 1): Tensor => ({
  name,
  datatype: 'FP32',
  shape,
  data: Float32Array.from({ length: elementsOf(shape) }, (_, at) => from + at),
});

function entry({ rows, length, order }: { rows: number; length: number; order: number }): Waiting {
  return {
    inputs: [tensor('x', [rows, length])],
    outputs: undefined,
    rows,
    bytes: 4 * rows * length,
    shapeKey: ';',
    order,
    enqueuedAt: 0,
    deadlineAt: Number.POSITIVE_INFINITY,
    signal: { aborted: false },
    owned: undefined,
    isRepeatable: false,
    tenant: undefined,
    by: undefined,
    follower: undefined,
    asker: { answered: () => undefined, failed: () => undefined },
    alone: false,
    isolated: false,
    retried: false,
    settled: false,
  };
}

describe('padded batches', () => {
  it('have no more rows, bytes or padding than they may, lose nobody, and begin with who came first', () => {
    const request = fc.record({ rows: fc.integer({ min: 1, max: 4 }), length: fc.integer({ min: 0, max: 50 }) });
    const limits = fc.record({
      rowsMax: fc.integer({ min: 4, max: 16 }),
      bytesMax: fc.integer({ min: 1, max: 4000 }),
      wasteMax: fc.constantFrom(0, 0.2, 0.5, 0.95),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 40 }), limits, (requests, { rowsMax, bytesMax, wasteMax }) => {
        const waiting = new WaitingInputs({ rowsMax, bytesMax, delayMs: 0, padding: padding(wasteMax) });
        const left = new Set(requests.map((each, order) => entry({ ...each, order })));
        for (const each of left) waiting.add(each);
        while (left.size > 0) {
          const [oldest] = left;
          const { entries, rows } = waiting.take(1e9) as Batch;
          assert.equal(entries[0], oldest);
          for (const each of entries) assert.ok(left.delete(each));
          assert.equal(
            rows,
            entries.reduce((sum, each) => sum + each.rows, 0),
          );
          if (entries.length === 1) continue;
          const longest = Math.max(...entries.map(({ inputs }) => inputs[0]!.shape[1]!));
          const own = entries.reduce((sum, { bytes }) => sum + bytes, 0);
          assert.ok(rows <= rowsMax && 4 * rows * longest <= bytesMax);
          assert.ok(4 * rows * longest - own <= wasteMax * 4 * rows * longest + 1e-9);
          assert.equal(paddedBatch(padding(wasteMax), entries)?.bytes ?? 0, 4 * rows * longest - own);
        }
        assert.deepEqual([waiting.count, waiting.bytes, waiting.take(1e9)], [0, 0, undefined]);
      }),
    );
  });

  it('are joined and cut along any axes of any rank', () => {
    const sizes = fc.array(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 4, maxLength: 4 }), {
      minLength: 1,
      maxLength: 5,
    });
    const padded = fc.subarray([1, 2, 3], { minLength: 1 });
    fc.assert(
      fc.property(sizes, padded, (shapes, axes) => {
        const pieces = shapes.map((shape, at) =>
          tensor(
            'x',
            shape.map((size, axis) => (axis === 0 || axes.includes(axis) ? size : 3)),
            100 * at + 1,
          ),
        );
        const along = axes.map((axis, dimension) => ({ axis, dimension }));
        const lengths = axes.map((axis) => Math.max(...pieces.map(({ shape }) => shape[axis]!)));
        const joined = joinPadded(pieces, { axes: along, fill: -1 }, lengths);
        const own = pieces.reduce((sum, { data }) => sum + data.length, 0);
        assert.equal([...joined.data].filter((value) => value === -1).length, joined.data.length - own);
        let from = 0;
        for (const piece of pieces) {
          const [rows] = piece.shape as [number];
          const of = { from, rows, lengths: axes.map((axis) => piece.shape[axis]!) };
          assert.deepEqual(cutPadded(joined, along, of), piece);
          from += rows;
        }
      }),
    );
  });

  it('give who has an answer already no part of their memory', () => {
    const entries = [3000, 5000, 5000].map((length, order) => entry({ rows: 1, length, order }));
    entries[1]!.settled = true;
    const whole = tensor('y', [3, 5000]);
    const { buffer } = whole.data as Float32Array;
    const parts = shareOut([whole], 60_000, entries, 3, paddedBatch(padding(0.9), entries));
    assert.deepEqual(
      parts.map((part) => [part?.outputs[0]?.shape, part?.owned !== undefined]),
      [
        [[1, 3000], true],
        [[1, 5000], false],
        [[1, 5000], true],
      ],
    );
    // The shortest has a copy, the longest looks at the whole.
    parts[0]!.owned!.release();
    assert.equal(buffer.byteLength, 60_000);
    parts[2]!.owned!.release();
    assert.equal(buffer.byteLength, 0);
  });

  it('of which nothing is left beside an empty dimension hold no padding', () => {
    const both: Padding = {
      dimensions: [1, 2].map((axis) => ({ name: `axis ${axis}`, input: 0, axis })),
      inputs: [{ axes: [1, 2].map((axis) => ({ axis, dimension: axis - 1 })), fill: 0 }],
      outputs: {},
      wasteMax: 0.5,
    };
    const inputs = (height: number) => ({ rows: 1, inputs: [tensor('x', [1, height, 0])] });
    const { bytes, share, lengths } = paddedBatch(both, [inputs(1), inputs(2)])!;
    assert.deepEqual({ bytes, share, lengths }, { bytes: 0, share: 0, lengths: [2, 0] });
  });

  it('are not shared out where an output has not their lengths', () => {
    const entries = [2, 3].map((length, order) => entry({ rows: 1, length, order }));
    const padded = paddedBatch(padding(0.9), entries);
    assert.deepEqual(shareOut([tensor('y', [2, 4])], 32, entries, 2, padded), [undefined, undefined]);
    assert.deepEqual(shareOut([tensor('y', [1, 3])], 12, entries, 2, padded), [undefined, undefined]);
  });
});
