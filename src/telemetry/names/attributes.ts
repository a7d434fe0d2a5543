type Attribute = {
  readonly name: string;
  readonly says: string;
  /** Without it, a string. */
  readonly type?: 'int' | 'double' | 'boolean' | 'string[]';
};

/**
 * Every attribute of spans, log records and the resource; attributes of metrics stand in the rows
 * of the metrics too.
 */
export const attributeNames = {
  logStream: {
    name: 'log.stream',
    says: 'app, audit or security: a resource attribute of log records, since Loki’s retention goes by it.',
  },
  logger: { name: 'logger', says: 'Which of the service’s loggers wrote the line: app, access, security, audit.' },
  eventType: {
    name: 'event_type',
    says: 'What happened, in one word that does not change: http_request, rpc_request, service_start, telemetry_refused …',
  },
  codeFile: { name: 'code.file.path', says: 'Where a warning or error was written: the file below src/.' },
  codeFunction: { name: 'code.function.name', says: 'The function that wrote it.' },
  codeLine: { type: 'int', name: 'code.line.number', says: 'The line that wrote it.' },
  requestId: { name: 'request.id', says: 'The caller’s X-Request-Id if it is valid, else ours.' },
  tenant: {
    name: 'tenant',
    says: 'Who is charged: the API key’s name, `admin`, or `anonymous` where there are no keys. Never an address.',
  },
  httpMethod: { name: 'http.request.method', says: 'The method, or _OTHER for an unknown one.' },
  httpRoute: { name: 'http.route', says: 'The route’s pattern, never the path that a caller wrote.' },
  httpStatus: {
    type: 'int',
    name: 'http.response.status_code',
    says: 'The status of the answer; 499 where the caller left first.',
  },
  rpcSystem: { name: 'rpc.system.name', says: 'Always grpc: the request came over gRPC.' },
  rpcMethod: {
    name: 'rpc.method',
    says: 'The service and method of a gRPC call, as in inference.GRPCInferenceService/ModelInfer; _OTHER for one that there is not.',
  },
  rpcStatus: {
    name: 'rpc.response.status_code',
    says: 'The status of a gRPC call, by its name: OK, INVALID_ARGUMENT, UNAVAILABLE …',
  },
  httpVersion: { name: 'network.protocol.version', says: 'The version of HTTP.' },
  urlScheme: { name: 'url.scheme', says: 'http or https, as the caller used it.' },
  exceptionType: { name: 'exception.type', says: 'The class of an unexpected error.' },
  exceptionMessage: { name: 'exception.message', says: 'Its message, without quoted text.' },
  exceptionStack: { name: 'exception.stacktrace', says: 'Where it was thrown.' },
  dbSystem: { name: 'db.system.name', says: 'postgresql.' },
  dbOperation: { name: 'db.operation.name', says: 'What was asked of the database, in one word: take, finish …' },
  errorType: { name: 'error.type', says: 'The failure’s code: docs/errors.md has each.' },
  fault: {
    name: 'fault',
    says: 'Whose failure it was: caller (a mistake, or a deadline that the caller set), left (the caller left before the answer), server. Absent where nothing failed.',
  },
  errorMessage: {
    name: 'error.message',
    says: 'What the caller was sent about the failure, without the caller’s own words.',
  },
  inputShapes: {
    name: 'inference.input.shapes',
    type: 'string[]',
    says: 'Of a request that failed: names, types and shapes of its inputs, never their values.',
  },
  slowCause: {
    name: 'vitrine.slow.cause',
    says: 'Of a slow request: the cause that made the most difference, one of docs/why.md.',
  },
  slowSentence: {
    name: 'vitrine.slow.why',
    says: 'Of a slow request: why, in one sentence, as /v1/requests/:id/why answers it. Five a second have it.',
  },
  aloneMs: {
    name: 'vitrine.alone.ms',
    says: 'Of a slow request: what it would take alone; absent where too few comparable runs are remembered.',
  },
  clientAddress: {
    name: 'client.address',
    says: 'Where a request came from: in the streams security and audit only. VITRINE_TRUST_PROXY says whose X-Forwarded-For counts.',
  },
  tlsError: { name: 'tls.error', says: 'What OpenSSL calls the failure of a handshake; in the stream security only.' },
  linesUnsaid: {
    type: 'int',
    name: 'lines_unsaid',
    says: 'How many more lines this one stands for: those above a rate are summed up.',
  },
  auditAct: {
    name: 'act',
    says: 'What an administrator did or tried to do: model_load, model_unload, trace_settings, log_settings.',
  },
  auditOutcome: { name: 'outcome', says: 'How the act ended: ok, or the failure’s code.' },
  auditFrom: { name: 'from', says: 'What stood there before the act.' },
  auditTo: { name: 'to', says: 'What stood there after it.' },
  modelName: { name: 'inference.model.name', says: 'The model, by its name in the repository.' },
  modelVersion: { name: 'inference.model.version', says: 'The version of the model that answered.' },
  batchId: { type: 'int', name: 'inference.batch.id', says: 'The number of the batch since its model was loaded.' },
  batchRequests: { type: 'int', name: 'inference.batch.requests', says: 'Requests in the batch.' },
  batchRows: { type: 'int', name: 'inference.batch.rows', says: 'Rows in the batch.' },
  batchFill: {
    type: 'double',
    name: 'inference.batch.fill',
    says: 'Rows as part of the most there may be; absent where requests run alone.',
  },
  batchPadding: {
    type: 'double',
    name: 'inference.batch.padding',
    says: 'How much of the batch was padding, from 0 to 1 along the padded dimensions: rows of different lengths shared it.',
  },
  batchPaddingBytes: {
    type: 'int',
    name: 'inference.batch.padding_bytes',
    says: 'Bytes of its inputs that were padding.',
  },
  batchClosedBy: {
    name: 'inference.batch.closed_by',
    says: 'Why the batch took no more: idle (nothing else waited), rows, bytes, padding (what waited would have padded it too much), delay, alone.',
  },
  batchOutcome: { name: 'inference.batch.outcome', says: 'ran, failed, lane_lost or given_up.' },
  lane: {
    name: 'inference.lane',
    says: 'The thread or process that ran it, as in thread-3 or process-4711; event-loop for a small batch that took the shortcut.',
  },
  pipelineStep: { name: 'pipeline.step.name', says: 'The step, as model.json calls it.' },
  pipelineOperation: {
    name: 'pipeline.step.operation',
    says: 'What the step does, where it is no model: softmax, resample …',
  },
  pipelineQueueMs: {
    type: 'double',
    name: 'pipeline.step.queue_ms',
    says: 'How long the step waited for a lane, or for the thread of operations.',
  },
  pipelineRunMs: { type: 'double', name: 'pipeline.step.run_ms', says: 'How long the step ran.' },
  pipelineOutputBytes: { type: 'int', name: 'pipeline.step.output_bytes', says: 'Size of the tensors that it gave.' },
  pipelineSteps: { type: 'int', name: 'pipeline.steps', says: 'Steps of the pipeline.' },
  lanes: { type: 'int', name: 'inference.lanes', says: 'Lanes of the model.' },
  shortcut: {
    type: 'boolean',
    name: 'inference.shortcut',
    says: 'Whether small batches of the model run on the event loop.',
  },
  cache: {
    name: 'inference.cache',
    says: 'Of a model that remembers its answers: hit (answered without a run), joined (with the run of another request), miss, too_large (not looked up).',
  },
  firstPartMs: {
    type: 'double',
    name: 'inference.first_part_ms',
    says: 'Of an answer that was sent while it was made: from the first byte of the request to the first part of the answer.',
  },
  provider: { name: 'inference.provider', says: 'The execution provider: cpu, webgpu, cuda.' },
  sessionMs: {
    type: 'double',
    name: 'inference.session.duration_ms',
    says: 'ONNX Runtime alone, without the way to the lane and back.',
  },
  cpuMs: {
    type: 'double',
    name: 'inference.cpu.duration_ms',
    says: 'CPU time of the lane for the batch; on the event loop, how long it ran.',
  },
  gpuEnergyJoules: {
    type: 'double',
    name: 'inference.gpu.energy_joules',
    says: 'What the GPU used for the batch: its energy in that time, by the share of the device’s time that the batch had.',
  },
  gpuEnergyIs: {
    name: 'inference.gpu.energy_is',
    says: 'measured, when the device’s counter moved at least twice meanwhile, else estimated.',
  },
  intraOpThreads: { type: 'int', name: 'inference.session.intra_op_threads', says: 'Threads inside one operator.' },
  profile: {
    name: 'inference.profile',
    says: 'Whether a profile was made of a request that should have one: taken, busy (VITRINE_PROFILES_MAX), too_large (VITRINE_PROFILE_BYTES_MAX).',
  },
  profileRunMs: { type: 'double', name: 'inference.profile.run_ms', says: 'How long the profiled run took.' },
  profileOperators: {
    type: 'int',
    name: 'inference.profile.operators',
    says: 'Operators that ran; the 200 longest have spans.',
  },
  profileTop: {
    type: 'string[]',
    name: 'inference.profile.top',
    says: 'The five longest operators, with their part of the run.',
  },
  onnxNode: { name: 'onnx.node.name', says: 'The operator’s name in the graph, after ONNX Runtime’s optimizations.' },
  onnxType: { name: 'onnx.op_type', says: 'Which operator.' },
  onnxProvider: { name: 'onnx.provider', says: 'The execution provider that ran it.' },
  onnxInputs: { name: 'onnx.input.shapes', says: 'Types and shapes of its inputs.' },
  onnxOutputs: { name: 'onnx.output.shapes', says: 'Types and shapes of its outputs.' },
  onnxOutputBytes: { type: 'int', name: 'onnx.output.bytes', says: 'Size of its outputs.' },
  onnxParameterBytes: { type: 'int', name: 'onnx.parameter.bytes', says: 'Size of its weights.' },
  onnxActivationBytes: { type: 'int', name: 'onnx.activation.bytes', says: 'Size of its other inputs.' },
  onnxMemory: { type: 'int', name: 'onnx.memory.in_use_bytes', says: 'Memory of the session in use when it had run.' },
  traceKept: { name: 'vitrine.trace.kept', says: 'Why the trace was kept.' },
  traceWeight: {
    type: 'int',
    name: 'vitrine.trace.weight',
    says: 'How many requests the trace stands for, itself among them: the sum over stored traces is the number of requests.',
  },
  loadResult: { name: 'model.load.result', says: 'ok, or the failure’s code.' },
  alertName: { name: 'alert.name', says: 'An alert’s `alertname`.' },
  alertState: {
    name: 'alert.state',
    says: 'firing, resolved, or expired when nobody repeated it for VITRINE_RECEIVER_FIRING_AGE_MS_MAX.',
  },
  alertSeverity: { name: 'alert.severity', says: 'An alert’s severity: critical, warning, info or other.' },
  alertFingerprint: { name: 'alert.fingerprint', says: 'What identifies an alert: the sender’s hash of its labels.' },
  alertSource: { name: 'alert.source', says: 'Who sent the alert: alertmanager or grafana.' },
  alertStartsAt: { name: 'alert.starts_at', says: 'Since when the alert fires.' },
  alertEndsAt: { name: 'alert.ends_at', says: 'When a resolved alert ended.' },
  alertCut: {
    type: 'boolean',
    name: 'alert.cut',
    says: 'True: labels or annotations were over a limit and are not complete.',
  },
  alertLabel: { name: 'alert.label', says: 'Prefix of an alert’s labels: alert.label.<name>.' },
  alertAnnotation: { name: 'alert.annotation', says: 'Prefix of an alert’s annotations: alert.annotation.<name>.' },
  alertLink: {
    name: 'alert.link',
    says: 'Prefix of an alert’s links: generator, sender, silence, dashboard, panel, runbook.',
  },
  deployService: { name: 'deploy.service', says: 'What was released.' },
  deployVersion: { name: 'deploy.version', says: 'Which version was released.' },
  deployEnvironment: { name: 'deploy.environment', says: 'Where it was released to.' },
  deployCommit: { name: 'deploy.commit', says: 'The commit it was built from.' },
  deployBy: { name: 'deploy.by', says: 'Who or what released it.' },
  deployNote: { name: 'deploy.note', says: 'What the releaser says about it.' },
  deployLink: { name: 'deploy.link', says: 'Where to read on about it.' },
  deployAt: { name: 'deploy.at', says: 'When it was released, where the sender says so.' },
  eventName: { name: 'event.name', says: 'What a script calls the event that it pushed through /events.' },
  eventMessage: { name: 'event.message', says: 'What the script says about it.' },
  eventLabel: { name: 'event.label', says: 'Prefix of a pushed event’s labels: event.label.<name>.' },
  hwId: { name: 'hw.id', says: 'Which GPU, by the UUID that its driver gives; on spans of runs too.' },
  gpuClockType: { name: 'hw.gpu.clock.type', says: 'graphics, sm, memory or video.' },
  gpuThrottleReason: {
    name: 'hw.gpu.throttle.reason',
    says: 'Why the clocks are held down: gpu_idle, applications_clocks, sw_power_cap, hw_slowdown, sync_boost, sw_thermal, hw_thermal, hw_power_brake, display_clocks, or other for what this version does not know.',
  },
  gpuProcessOwner: {
    name: 'hw.gpu.process.owner',
    says: 'vitrine: the service and its children, by process id; other: everybody else.',
  },
  jobId: { name: 'job.id', says: 'Which job; its own trace has the span `job` and one `job.step` for each attempt.' },
  jobKind: { name: 'job.kind', says: 'What kind of task the job is.' },
  jobAttempt: {
    type: 'int',
    name: 'job.attempt',
    says: 'Which attempt at the job; above 1 after a failure that may pass, a stop, or a crash.',
  },
  jobState: { name: 'job.state', says: 'How the job ended: done, failed or cancelled.' },
  taskKind: { name: 'task.kind', says: 'separate, generate, score, microstructure or speech.' },
  taskStatus: { name: 'task.status', says: 'success, or the failure’s code.' },
  taskStep: { name: 'task.step', says: 'What a part of the task did: audio.decode, score.reference, files.zip …' },
  taskChunk: {
    type: 'int',
    name: 'task.chunk',
    says: 'Which engine call of the task, from 0; the first 32 have a span of their own.',
  },
  taskChunkWaited: {
    type: 'double',
    name: 'task.chunk.waited_ms',
    says: 'How long the engine call waited for a lane.',
  },
  taskStepCount: {
    type: 'int',
    name: 'task.step.count',
    says: 'Stretches, or engine calls, that the span stands for together.',
  },
  taskStepBusy: {
    type: 'double',
    name: 'task.step.busy_ms',
    says: 'How long they took without what lies between them.',
  },
  taskCalls: { type: 'int', name: 'inference.calls', says: 'Engine calls of the task, all of them.' },
  promptLength: {
    type: 'int',
    name: 'prompt.length',
    says: 'Characters of the prompt. The prompt itself is not recorded.',
  },
  genAiOperation: { name: 'gen_ai.operation.name', says: 'Of a generation: always generate_content.' },
  genAiProvider: { name: 'gen_ai.provider.name', says: 'Of a generation: always vitrine.' },
  genAiOutput: { name: 'gen_ai.output.type', says: 'Of a generation: always audio.' },
  genAiModel: { name: 'gen_ai.request.model', says: 'Of a generation: the model that was asked for.' },
  genAiSeed: {
    type: 'int',
    name: 'gen_ai.request.seed',
    says: 'Of a generation: its seed, where the caller gave one.',
  },
  audioDuration: { type: 'double', name: 'audio.duration', says: 'Seconds of sound that a task took or made.' },
  audioSamples: { type: 'int', name: 'audio.generated_samples', says: 'Samples of all channels that a task made.' },
  datasetName: { name: 'dataset.name', says: 'The dataset that a run works through.' },
  sampleId: { name: 'sample.id', says: 'One file of a dataset, by its path in the folder.' },
  sampleStatus: { name: 'sample.status', says: 'success, failed, excluded or skipped.' },
  processingStage: { name: 'processing.stage', says: 'What a run does with each file: score or enhance.' },
  qualityDnsmos: { type: 'double', name: 'quality.dnsmos', says: 'The overall DNSMOS score of a file.' },
  onnxSource: { name: 'onnx.source', says: 'Where in ONNX Runtime a message comes from.' },
  onnxFunction: { name: 'onnx.function', says: 'The function of ONNX Runtime that wrote it.' },
  hwName: { name: 'hw.name', says: 'The GPU’s name.' },
  hwType: { name: 'hw.type', says: 'Always gpu.' },
  gpuTask: { name: 'hw.gpu.task', says: 'Always general: any use of the GPU.' },
  serviceName: { name: 'service.name', says: 'vitrine, vitrine-receiver or vitrine-dataset.' },
  serviceVersion: { name: 'service.version', says: 'The version of Vitrine.' },
  serviceInstance: { name: 'service.instance.id', says: 'The instance; it keeps its id over restarts.' },
  environment: { name: 'deployment.environment.name', says: 'VITRINE_ENVIRONMENT.' },
  processId: { type: 'int', name: 'process.pid', says: 'The process.' },
  containerId: { name: 'container.id', says: 'The container, where the process runs in one that says its id.' },
  processCreation: {
    name: 'process.creation.time',
    says: 'When the process began: with it, a process id means one process.',
  },
  sdkName: { name: 'telemetry.sdk.name', says: 'Always opentelemetry.' },
  sdkLanguage: { name: 'telemetry.sdk.language', says: 'Always nodejs.' },
  sdkVersion: { name: 'telemetry.sdk.version', says: 'The version of OpenTelemetry’s SDK.' },
  runtimeName: { name: 'process.runtime.name', says: 'Always nodejs.' },
  runtimeVersion: { name: 'process.runtime.version', says: 'The version of Node.' },
} as const satisfies Record<string, Attribute>;

type Rows = typeof attributeNames;

export type AttributeName = Rows[keyof Rows]['name'];

/** The keys themselves: `[attribute.batchId]: 4`. */
export const attribute = Object.fromEntries(Object.entries(attributeNames).map(([row, { name }]) => [row, name])) as {
  readonly [Row in keyof Rows]: Rows[Row]['name'];
};
