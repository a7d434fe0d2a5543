/**
 * The files of a zip whose entries are stored, as the service writes them (src/tasks/files/zip.ts):
 * by its directory at the end.
 */
export function readZip(bytes: ArrayBuffer): { name: string; content: Blob }[] {
  const view = new DataView(bytes);
  let end = view.byteLength - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) throw new Error('Cannot read the answer: it is no zip file.');
  const files: { name: string; content: Blob }[] = [];
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left -= 1) {
    if (view.getUint16(at + 10, true) !== 0) throw new Error('Cannot read the answer: its zip is compressed.');
    const size = view.getUint32(at + 24, true);
    const nameLength = view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(new Uint8Array(bytes, at + 46, nameLength));
    const local = view.getUint32(at + 42, true);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    files.push({ name, content: new Blob([bytes.slice(start, start + size)], { type: 'audio/wav' }) });
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return files;
}
