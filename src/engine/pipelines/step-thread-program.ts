import { buffersUnder } from '../../threads/buffers-under.ts';
import { carried } from '../../threads/carried-error.ts';
import { parent } from '../../threads/parent.ts';
import type { Made } from './operations/operation.ts';
import { operations } from './operations/operations.ts';
import type { FromStepThread, ToStepThread } from './step-thread-messages.ts';

// The thread that does the longer operations of pipelines, so that they hold up nobody on the event
// loop.

const service = parent<ToStepThread, FromStepThread>();

service.receive(({ operation, inputs, how, bytesMax }) => {
  new Promise<readonly Made[]>((resolve) => resolve(operations[operation].run(inputs, how, bytesMax))).then(
    (made) => service.send({ kind: 'made', made }, buffersUnder(made.map(({ data }) => data))),
    (error: unknown) => service.send({ kind: 'failed', failure: carried(error) }),
  );
});
