/** The columns, the plots, and what stands over them. */
export const measures = {
  topsis: 'TOPSIS score',
  dnsmos_overall: 'DNSMOS, overall',
  dnsmos_speech: 'DNSMOS, speech',
  dnsmos_background: 'DNSMOS, background',
  snr_db: 'SNR (dB)',
  segmental_snr_db: 'Segmental SNR (dB)',
  si_sdr_db: 'SI-SDR (dB)',
  stoi: 'STOI',
  loudness_lufs: 'Loudness (LUFS)',
  peak_db: 'Peak (dB)',
  clipping_ratio: 'Clipped share',
  silence_ratio: 'Silent share',
} as const;
export type MeasureName = keyof typeof measures;
