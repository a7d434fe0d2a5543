import assert from 'node:assert/strict';
import { withoutValues } from '../../src/engine/registry/onnx-messages.ts';

describe('a message of ONNX Runtime', () => {
  it('keeps operators and nodes, and loses every value: numbers, and what it quotes behind its status', () => {
    for (const [said, told] of [
      [
        "Non-zero status code returned while running Gather node. Name:'layer_2' Status Message: indices element out of data bounds, idx=4711 must be within the inclusive range [-3,2]",
        "Non-zero status code returned while running Gather node. Name:'layer_2' Status Message: indices element out of data bounds, idx=# must be within the inclusive range [#,#]",
      ],
      [
        "Non-zero status code returned while running Cast node. Name:'to_float' Status Message: could not read 'my secret' as a number",
        "Non-zero status code returned while running Cast node. Name:'to_float' Status Message: could not read '…' as a number",
      ],
      [
        'Non-zero status code returned while running Conv node. Status Message: Invalid input shape: {0}, weights {64,-1,3}, got 0.5',
        'Non-zero status code returned while running Conv node. Status Message: Invalid input shape: {0}, weights {64,-1,3}, got #',
      ],
      ['Got 1.5e-7, -Inf and NaN for Conv_12', 'Got #, # and # for Conv_12'],
      [
        "Removing initializer 'unused'. It is not used by any node.",
        "Removing initializer 'unused'. It is not used by any node.",
      ],
    ] as const)
      assert.equal(withoutValues(said), told);
  });
});
