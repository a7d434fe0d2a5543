import { compareRequests } from '../../observe/compare/compare-requests.ts';
import { carried } from '../../threads/carried-error.ts';
import { parent } from '../../threads/parent.ts';
import type { FromCompareThread, ToCompareThread } from './compare-messages.ts';

// The thread that compares sets of requests, so that the event loop goes on.

const service = parent<ToCompareThread, FromCompareThread>();

service.receive((comparison) => {
  try {
    service.send({ kind: 'compared', compared: compareRequests(comparison) });
  } catch (error) {
    service.send({ kind: 'failed', failure: carried(error) });
  }
});
