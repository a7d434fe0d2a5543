import { checkReleases } from '../src/engine/owned.ts';

// In every test's process, reading the data of a tensor that was released throws (mocha's
// `require`).

checkReleases();
