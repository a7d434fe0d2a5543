import type { DataType } from '../../tensor.ts';

/** FP16 travels as its bits, which do not compare as its values do. */
export function isComparable(datatype: DataType): boolean {
  return datatype !== 'BYTES' && datatype !== 'FP16';
}

export function notComparable(datatype: DataType): string {
  return `it takes numbers (FP32, FP64, whole numbers), and x is ${datatype}`;
}
