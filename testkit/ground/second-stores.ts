/** The stores of compose/victoria.yaml. */
export const secondStores = 'victoriametrics,jaeger,victorialogs';
