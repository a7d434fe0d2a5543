/**
 * What a request's time is charged to: the closed list of causes that `/v1/requests/:id/why`
 * answers. docs/why.md is generated from it.
 */
export const causes = {
  lane_wait: { label: 'Waiting for a lane', says: 'Other batches of the model held its lanes; they are named.' },
  thread_wait: {
    label: 'Waiting for a task thread',
    says: 'All threads that work on tasks were taken, or one was starting.',
  },
  gather_wait: { label: 'Waiting for company', says: 'The manifest has batches wait for more rows (`delay_us_max`).' },
  batch_larger: {
    label: 'A larger batch',
    says: 'Others shared the run or its message, so that both took longer; or longer ones, to which it was padded.',
  },
  lane_lost: {
    label: 'A lost lane',
    says: 'The lane ended in the middle of a run; the run was repeated, or a new lane had to open.',
  },
  run_again: {
    label: 'A repeated run',
    says: 'A row of another request failed the batch, and each was run again by itself.',
  },
  model_run: { label: 'The model’s run', says: 'The model itself, for inputs of these shapes.' },
  cold_model: {
    label: 'A cold model',
    says: 'The first run after a load, the first of this shape, or a load going on.',
  },
  gpu_clocks: { label: 'GPU clocks held down', says: 'The driver held the clocks down: power cap, heat or hardware.' },
  cpu_throttled: { label: 'CPU quota used up', says: 'The kernel stopped the cgroup until its next period.' },
  cpu_taken: {
    label: 'CPU taken by others',
    says: 'Other processes or machines had the CPU, or the process was stopped.',
  },
  cpu_shared: {
    label: 'CPU shared within the service',
    says: 'Other models, tasks or loads of this service ran on the same cores.',
  },
  garbage_collection: { label: 'Garbage collection', says: 'V8 stopped the main thread to free memory.' },
  event_loop_held: { label: 'Event loop held', says: 'Other work on the main thread held the event loop.' },
  decode: { label: 'Reading the input', says: 'JSON or binary data to tensors; of a task, its sound to samples.' },
  encode: { label: 'Writing the output', says: 'Tensors to JSON or binary data; of a task, samples to a sound.' },
  task_work: { label: 'The task’s own work', says: 'What the task does in its own thread.' },
  disk: { label: 'Disk', says: 'Files were written or read, or the disk was under pressure.' },
  client_sending: { label: 'Client sending', says: 'The body was still arriving.' },
  client_reading: { label: 'Client reading', says: 'The answer waited for the client to read it.' },
  service: { label: 'The service itself', says: 'Checks, handing over, and what is too small to name.' },
  not_known: { label: 'Not known', says: 'No record explains it.' },
} as const satisfies Record<string, { label: string; says: string }>;

export type Cause = keyof typeof causes;
