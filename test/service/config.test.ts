import assert from 'node:assert/strict';
import { readConfig } from '../../src/config.ts';

describe('a setting', () => {
  it('takes the words for log levels that other systems have, in any case', () => {
    for (const [given, level] of [
      ['INFO', 'info'],
      ['Warning', 'warn'],
      ['WARN', 'warn'],
      ['CRITICAL', 'error'],
      ['trace', 'debug'],
      ['debug', 'debug'],
    ])
      assert.equal(readConfig({ LOG_LEVEL: given }).logLevel, level);
    for (const given of ['loud', 'constructor', '__proto__'])
      assert.throws(
        () => readConfig({ LOG_LEVEL: given }),
        /Cannot use LOG_LEVEL: it is "\w+"; give one of error, warn/,
      );
  });

  it('that is a flag takes what people write for yes and no', () => {
    for (const given of ['true', '1', 'yes', 'On'])
      assert.equal(readConfig({ METRICS_ENABLED: given }).metricsOn, true);
    for (const given of ['False', '0', 'no', 'OFF'])
      assert.equal(readConfig({ METRICS_ENABLED: given }).metricsOn, false);
    assert.throws(() => readConfig({ METRICS_ENABLED: 'maybe' }), /give true or false/);
  });
});
