export const operationNames = [
  'resample',
  'window',
  'normalise',
  'softmax',
  'argmax',
  'top_k',
  'decode_sound',
  'encode_sound',
  'decode_png',
  'encode_png',
] as const;
export type OperationName = (typeof operationNames)[number];
