import { openAsBlob } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

// The stems of a sound, each in a file. Usage: node examples/separate.mjs SOUND [DIR]

const url = process.env.VITRINE_URL ?? 'http://127.0.0.1:8000';
const [sound, folder = '.'] = process.argv.slice(2);
if (sound === undefined) throw new Error('Usage: node examples/separate.mjs SOUND [DIR]');

const form = new FormData();
form.set('file', await openAsBlob(sound), basename(sound));
const answer = await fetch(`${url}/v1/separate`, {
  method: 'POST',
  headers: { Accept: 'application/json' },
  body: form,
});
if (answer.status !== 200) throw new Error(await answer.text());

const { files } = await answer.json();
for (const { name, href } of files.filter((file) => file.name.endsWith('.wav'))) {
  const stem = await fetch(new URL(href, url));
  await writeFile(join(folder, name), new Uint8Array(await stem.arrayBuffer()));
  console.log(join(folder, name));
}
// Every answer names its trace: look it up in Tempo, or ask GET /v1/requests/<id>.
console.log(answer.headers.get('traceresponse'));
