/** Words for what keeps two ends apart that both run; undefined: it is something else. */
export function tlsTrouble({ code = '', message }: NodeJS.ErrnoException): string | undefined {
  if (/UNABLE_TO_(?:GET_ISSUER|VERIFY_LEAF)|SELF_SIGNED/.test(code))
    return 'has a certificate of an authority that is not known here; name the authority’s file in VITRINE_TLS_CA_FILE';
  if (code === 'CERT_HAS_EXPIRED') return 'has a certificate that has expired; replace it';
  if (code === 'CERT_NOT_YET_VALID') return 'has a certificate that is not yet valid; look at the clocks';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'has a certificate without this name; use a name that it has, or replace it';
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH/.test(code) || /wrong version number/i.test(message))
    return 'speaks no TLS; ask it by http://, or give it a certificate';
  return undefined;
}
