export const taskKinds = ['separate', 'generate', 'score', 'microstructure', 'speech'] as const;
export type TaskKind = (typeof taskKinds)[number];
