import { constants } from 'node:http2';

const settingsFrame = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const goAwayType = 7;
/** The bytes of a frame are sent as text of one byte each, so that its length stays below 128. */
const reasonCharsMax = 100;

/** What a connection is sent that is not let in: the first frame there has to be, and why. */
export function goAwayBytes(reason: string): string {
  const text = Buffer.from(reason.replace(/[^\x20-\x7e]/g, '?').slice(0, reasonCharsMax));
  const head = Buffer.alloc(17);
  head.writeUIntBE(8 + text.length, 0, 3);
  head[3] = goAwayType;
  head.writeUInt32BE(constants.NGHTTP2_ENHANCE_YOUR_CALM, 13);
  return Buffer.concat([settingsFrame, head, text]).toString('latin1');
}
