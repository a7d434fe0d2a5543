import assert from 'node:assert/strict';
import { RequestForms } from '../../src/api/open-inference/request-forms.ts';
import { readConfig } from '../../src/config.ts';

function bodyOf(id: string): { body: Buffer; jsonBytes: number } {
  const json = Buffer.from(
    JSON.stringify({
      id,
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], parameters: { binary_data_size: 4 } }],
    }),
  );
  return { body: Buffer.concat([json, Buffer.alloc(4)]), jsonBytes: json.length };
}

describe('the forms of requests that are remembered', () => {
  const forms = new RequestForms(readConfig({}));
  const headOf = (id: string) => {
    const { body, jsonBytes } = bodyOf(id);
    return forms.read(body, jsonBytes).lastHead;
  };

  it('stay when another caller writes a new id into each request, once or twice', () => {
    const head = headOf('mine');
    assert.ok(head);
    assert.equal(headOf('mine'), head);
    for (let index = 0; index < 2000; index += 1) headOf(`once ${index}`);
    assert.equal(headOf('mine'), head);
    for (let index = 0; index < 2000; index += 1) {
      headOf(`twice ${index}`);
      headOf(`twice ${index}`);
      if (index % 200 === 0) assert.equal(headOf('mine'), head);
    }
  });

  it('make room for one that comes again', () => {
    const head = headOf('late');
    assert.equal(headOf('late'), head);
  });
});
