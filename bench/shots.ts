import type { Shot } from './wrk.ts';

// Single-row requests in the forms that are measured: 32-bit floats in, everything out, by the Open
// Inference Protocol.

export function binaryShot(width: number): Shot {
  const head = Buffer.from(
    JSON.stringify({
      inputs: [{ name: 'x', shape: [1, width], datatype: 'FP32', parameters: { binary_data_size: width * 4 } }],
      outputs: [{ name: 'y', parameters: { binary_data: true } }],
    }),
  );
  return {
    headers: { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(head.length) },
    body: Buffer.concat([head, Buffer.from(row(width).buffer)]),
  };
}

export function jsonShot(width: number): Shot {
  const inputs = [{ name: 'x', shape: [1, width], datatype: 'FP32', data: numbers(width) }];
  return { headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ inputs })) };
}

/** The numbers and nothing else. */
export function rawShot(width: number): Shot {
  return { headers: { 'content-type': 'application/octet-stream' }, body: new Uint8Array(row(width).buffer) };
}

export function bentomlShot(width: number): Shot {
  return {
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ data: [numbers(width)] })),
  };
}

function row(width: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: width }, (_, index) => (index % 17) / 17);
}

function numbers(width: number): number[] {
  return Array.from(row(width), (value) => Number(value.toFixed(6)));
}
