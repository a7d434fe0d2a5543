import { setFlagsFromString } from 'node:v8';

// Has V8 say on the console what each collection of garbage moved, and for how long it stopped the
// program.
setFlagsFromString('--trace-gc-nvp');
