import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';

const signatureBytes = 64;

/** The key of VITRINE_MODELS_PUBLIC_KEY_FILE; undefined where none is set. */
export function publicKeyIn(file: string): KeyObject | undefined {
  if (file === '') return undefined;
  try {
    const key = createPublicKey(readFileSync(file));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw unusable(code === 'ENOENT' ? 'is not there' : 'cannot be read as one', cause);
  }
  throw unusable('holds a key of another kind', undefined);
}

/** A signature as `openssl pkeyutl` writes it, or in base64. */
export function isSignedBy(key: KeyObject, signed: Uint8Array, given: Uint8Array): boolean {
  const raw =
    given.length === signatureBytes ? given : Buffer.from(Buffer.from(given).toString('latin1').trim(), 'base64');
  return raw.length === signatureBytes && verify(null, signed, key, raw);
}

function unusable(state: string, cause: unknown): ServiceError {
  return new ServiceError(
    'invalid_setting',
    say`Cannot check the signatures of models: the file of VITRINE_MODELS_PUBLIC_KEY_FILE ${ours(state)}; name a public key of Ed25519 in PEM, as openssl pkey -pubout writes it.`,
    { cause },
  );
}
