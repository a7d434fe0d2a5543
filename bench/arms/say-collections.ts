import { setFlagsFromString } from 'node:v8';
import { isMainThread } from 'node:worker_threads';

// Has V8 say on the console what each collection of garbage moved, and for how long it stopped the program.
if (isMainThread) setFlagsFromString('--trace-gc-nvp');
