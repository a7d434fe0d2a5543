// What the person typed, kept for this tab only and gone when it is closed: never in a URL, a
// cookie or on disk.

const place = 'vitrine.key';

export function sessionKey(): string {
  return sessionStorage.getItem(place) ?? '';
}

export function setSessionKey(key: string): void {
  if (key === '') sessionStorage.removeItem(place);
  else sessionStorage.setItem(place, key);
}
