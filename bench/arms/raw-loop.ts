process.env.ORT_DISABLE_TELEMETRY = '1';

// No HTTP at all: how many rows a second ONNX Runtime runs in a loop, at each batch size. Prints
// JSON.

const [file = '', width = '64', cores = '1'] = process.argv.slice(2);
const { InferenceSession, Tensor } = await import('onnxruntime-node');
const session = await InferenceSession.create(file, { intraOpNumThreads: Number(cores) });
const inputName = session.inputNames[0]!;
const rowsPerSecond: Record<number, number> = {};
for (const batch of [1, 2, 4, 8, 16, 32, 64, 128]) {
  const data = Float32Array.from({ length: batch * Number(width) }, (_, index) => (index % 17) / 17);
  const run = () => session.run({ [inputName]: new Tensor('float32', data, [batch, Number(width)]) });
  for (let warm = 0; warm < 20; warm += 1) await run();
  const startedAt = performance.now();
  let runs = 0;
  while (performance.now() - startedAt < 1_500) {
    await run();
    runs += 1;
  }
  rowsPerSecond[batch] = Math.round((runs * batch * 1000) / (performance.now() - startedAt));
}
console.log(JSON.stringify(rowsPerSecond));
