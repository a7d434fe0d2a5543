import { integer, type Setting, text } from './setting.ts';

/** The pace of the stack that the launcher starts. */
export const stackSettings = {
  scrapeInterval: text('VITRINE_SCRAPE_INTERVAL', '10s', 'How often Prometheus scrapes and evaluates its rules.'),
  timeScale: text(
    'VITRINE_TIME_SCALE',
    '1',
    'Multiplies the intervals, waits and windows of Prometheus’ and Alertmanager’s rules; 0.1 is ten times faster, for trials.',
  ),
  composeCpus: integer(
    'VITRINE_CPUS',
    0,
    0,
    1024,
    'In compose only: the most processors that the service may use; no more than the machine has. 0: without a limit.',
  ),
  composeDockerSocket: text(
    'VITRINE_DOCKER_SOCKET',
    '/var/run/docker.sock',
    'In compose only: the engine’s socket, where the metrics of containers are read. An engine without root has another.',
  ),
} as const satisfies Record<string, Setting>;
