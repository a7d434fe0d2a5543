/** An array in NumPy's own format, version 1.0, as `numpy.load` reads it. */
export function encodeNpy(shape: readonly number[], values: Float32Array | Uint8Array): Uint8Array {
  const descriptor = values instanceof Float32Array ? '<f4' : '|u1';
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const words = `{'descr': '${descriptor}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const prefixBytes = 10;
  // Spaces and a line end, so that the numbers begin at a multiple of 64.
  const head = `${words.padEnd(Math.ceil((prefixBytes + words.length + 1) / 64) * 64 - prefixBytes - 1)}\n`;
  const out = Buffer.alloc(prefixBytes + head.length + values.byteLength);
  out.write('\x93NUMPY\x01\x00', 'latin1');
  out.writeUInt16LE(head.length, 8);
  out.write(head, prefixBytes, 'latin1');
  out.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), prefixBytes + head.length);
  return out;
}
