export const operationNames = ['resample', 'window', 'normalise', 'softmax', 'argmax', 'top_k'] as const;
export type OperationName = (typeof operationNames)[number];
