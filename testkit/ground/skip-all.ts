import type { Context } from 'mocha';

/** Loaded by mocha before the files: skips each test where this machine cannot run the ground. */
export const mochaHooks = {
  beforeAll(this: Context): void {
    if (process.env.VITRINE_GROUND_SKIP) this.skip();
  },
};
