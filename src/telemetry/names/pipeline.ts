import type { Metric } from './metric.ts';

/** The telemetry about itself: the heartbeat, the ledger, the spool. */
export const pipelineMetrics = {
  heartbeat: {
    name: 'vitrine.heartbeat.timestamp',
    kind: 'gauge',
    unit: 's',
    says: 'The moment of the last export, in Unix seconds; 0 once the instance stopped in an orderly way. A pushed service has no `up`: ServiceDown reads this.',
    attributes: [],
  },
  telemetryMade: {
    name: 'vitrine.telemetry.made',
    kind: 'counter',
    unit: '',
    says: 'Spans, log records and metric points made by this process.',
    attributes: ['signal'],
  },
  telemetryRecovered: {
    name: 'vitrine.telemetry.recovered',
    kind: 'counter',
    unit: '',
    says: 'Items that an earlier process had left in the spool.',
    attributes: ['signal'],
  },
  telemetryExported: {
    name: 'vitrine.telemetry.exported',
    kind: 'counter',
    unit: '',
    says: 'Items that the Collector acknowledged.',
    attributes: ['signal'],
  },
  telemetryReplayed: {
    name: 'vitrine.telemetry.replayed',
    kind: 'counter',
    unit: '',
    says: 'Of the exported: items that had waited in the spool.',
    attributes: ['signal'],
  },
  telemetryRefused: {
    name: 'vitrine.telemetry.refused',
    kind: 'counter',
    unit: '',
    says: 'Items that the Collector refused for good.',
    attributes: ['signal'],
  },
  telemetryDropped: {
    name: 'vitrine.telemetry.dropped',
    kind: 'counter',
    unit: '',
    says: 'Items given up, by reason.',
    attributes: ['signal', 'reason'],
  },
  telemetryMemory: {
    name: 'vitrine.telemetry.memory',
    kind: 'gauge',
    unit: '',
    says: 'Items waiting in memory or on their way.',
    attributes: ['signal'],
  },
  telemetrySpooled: {
    name: 'vitrine.telemetry.spooled',
    kind: 'gauge',
    unit: '',
    says: 'Items waiting in the spool.',
    attributes: ['signal'],
  },
  telemetrySpooledBytes: {
    name: 'vitrine.telemetry.spool.size',
    kind: 'gauge',
    unit: 'By',
    says: 'What the spool takes of the disk.',
    attributes: ['signal'],
  },
  telemetryMissing: {
    name: 'vitrine.telemetry.missing',
    kind: 'gauge',
    unit: '',
    says: 'What the ledger cannot account for: made and recovered, less everything else. Anything but 0 is a defect.',
    attributes: ['signal'],
  },
  spoolWritable: {
    name: 'vitrine.telemetry.spool.writable',
    kind: 'gauge',
    unit: '',
    says: '1 while the spool can be written, else 0.',
    attributes: [],
  },
} as const satisfies Record<string, Metric>;
