import type { Scenario } from './scenario.ts';
import { apiKeysScenario } from './scenarios/api-keys.ts';
import { attemptFolderScenario } from './scenarios/attempt-folder.ts';
import { jobDatabaseScenario } from './scenarios/job-database.ts';
import { jobsScenario } from './scenarios/jobs.ts';
import { launcherStateScenario, newKeyScenario } from './scenarios/launcher-state.ts';
import { receiverStoreScenario } from './scenarios/receiver-store.ts';
import { serviceScenario } from './scenarios/service.ts';
import { spoolScenario } from './scenarios/spool.ts';

export const scenarios: readonly Scenario[] = [
  spoolScenario,
  apiKeysScenario,
  receiverStoreScenario,
  launcherStateScenario,
  newKeyScenario,
  attemptFolderScenario,
  jobDatabaseScenario,
  jobsScenario,
  serviceScenario,
];
