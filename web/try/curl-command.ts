export type Call = {
  path: string;
  body: 'form' | 'json';
  accept?: string;
  /** Asks for the operators of the run on the trace. */
  profile?: boolean;
  values: readonly [string, string | File][];
};

/**
 * The same call for a terminal. Names of files stand for the files; a key is shown as the place
 * where it goes.
 */
export function curlCommand(origin: string, call: Call, json: string, withKey: boolean): string {
  const parts = [`curl ${quoted(`${origin}${call.path}`)}`];
  if (withKey) parts.push('-H "Authorization: Bearer $VITRINE_KEY"');
  if (call.accept) parts.push(`-H ${quoted(`Accept: ${call.accept}`)}`);
  if (call.profile) parts.push("-H 'X-Vitrine-Profile: 1'");
  if (call.body === 'json') parts.push("-H 'Content-Type: application/json'", `-d ${quoted(json)}`);
  else
    for (const [name, value] of call.values)
      parts.push(`-F ${quoted(value instanceof File ? `${name}=@${value.name}` : `${name}=${value}`)}`);
  if (call.accept !== undefined && call.accept !== 'application/json') parts.push('-OJ');
  return parts.join(' \\\n  ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
