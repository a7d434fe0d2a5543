import { whatIf } from '../../observe/what-if/what-if.ts';
import { carried } from '../../threads/carried-error.ts';
import { parent } from '../../threads/parent.ts';
import type { FromReplayThread, ToReplayThread } from './what-if-messages.ts';

// A thread that replays a recorded load, so that the event loop goes on.

const service = parent<ToReplayThread, FromReplayThread>();

service.receive(({ load, on, changes }) => {
  try {
    service.send({ kind: 'found', found: whatIf(load, on, changes) });
  } catch (error) {
    service.send({ kind: 'failed', failure: carried(error) });
  }
  service.close();
});
