import { burst, gauge, once, type RuleCase } from '../rule-case.ts';

const instance = { job: 'vitrine', instance: 'a' };
const of = 'job="vitrine", instance="a"';
const gpu = { instance: 'a', hw_id: 'G', hw_name: 'N' };
const ofGpu = 'job="vitrine", instance="a", hw_id="G", hw_name="N", hw_type="gpu"';

export const hostCases: readonly RuleCase[] = [
  {
    name: 'the machine’s memory is at 95 %',
    alert: 'HighMemoryUsage',
    series: { [`system_memory_utilization_ratio{${of}, system_memory_state="used"}`]: gauge(0.5, 0.95) },
    at: {
      '14m': [],
      '20m': [{ severity: 'critical', system: 'generation', labels: instance, says: '95%' }],
      '40m': [],
    },
  },
  {
    name: 'ten GiB of the machine are in use, of which the process holds one',
    alert: 'HighMemoryUsage',
    series: {
      [`system_memory_usage_bytes{${of}, system_memory_state="used"}`]: gauge(1e9, 10 * 2 ** 30),
      [`system_memory_usage_bytes{${of}, system_memory_state="free"}`]: gauge(60 * 2 ** 30, 50 * 2 ** 30),
      [`process_memory_usage_bytes{${of}}`]: gauge(1e9, 2 ** 30),
    },
    at: {
      '14m': [],
      '20m': [{ severity: 'warning', system: 'generation-guide', labels: instance, says: '10Gi' }],
      '40m': [],
    },
  },
  {
    name: 'the process holds ten GiB that the machine does not call used',
    alert: 'HighMemoryUsage',
    series: { [`process_memory_usage_bytes{${of}}`]: gauge(1e9, 10 * 2 ** 30) },
    at: { '20m': [] },
  },
  {
    name: 'both processors are busy for half an hour',
    alert: 'HostProcessorsBusy',
    series: {
      [`system_cpu_time_seconds_total{${of}, cpu_logical_number="0", cpu_mode="idle"}`]:
        '0+60x10 601.2+1.2x29 696+60x60',
      [`system_cpu_time_seconds_total{${of}, cpu_logical_number="1", cpu_mode="idle"}`]:
        '0+60x10 601.2+1.2x29 696+60x60',
    },
    at: { '10m': [], '38m': [{ severity: 'warning', labels: instance, says: '98%' }], '60m': [] },
  },
  {
    name: 'a network card breaks packets',
    alert: 'NetworkErrors',
    series: {
      [`system_network_errors_total{${of}, system_device="eth0", network_io_direction="receive"}`]: burst(120, 25),
    },
    at: {
      '10m': [],
      '30m': [{ severity: 'info', labels: { ...instance, system_device: 'eth0' }, says: '2' }],
      '60m': [],
    },
  },
  {
    name: 'the disk is at 99 %',
    alert: 'DiskSpaceLow',
    series: { [`system_filesystem_utilization_ratio{${of}}`]: gauge(0.5, 0.99) },
    at: {
      '10m': [],
      '14m': [{ severity: 'critical', labels: instance, says: '99%' }],
      '20m': [
        { severity: 'critical', labels: instance, says: '99%' },
        { severity: 'warning', system: 'generation', labels: instance, says: '99%' },
      ],
      '40m': [],
    },
  },
  {
    name: 'the disk loses a hundredth every ten minutes, for eight hours',
    alert: 'DiskFillsSoon',
    interval: '10m',
    series: {
      [`system_filesystem_usage_bytes{${of}, system_filesystem_state="free"}`]: '100000x36 100000-1000x48 52000x90',
      [`system_filesystem_utilization_ratio{${of}}`]: '0.6x200',
    },
    at: { '6h': [], '14h': [{ severity: 'warning', labels: instance, says: '60%' }], '24h': [] },
  },
];

export const gpuCases: readonly RuleCase[] = [
  {
    name: 'it computes without a pause',
    alert: 'HighGPUUtilization',
    series: { [`hw_gpu_utilization_ratio{${ofGpu}, hw_gpu_task="general"}`]: gauge(0.5, 0.99) },
    at: {
      '15m': [],
      '23m': [{ severity: 'warning', system: 'generation-guide', labels: gpu, says: '99%' }],
      '40m': [],
    },
  },
  {
    name: '95 % of its memory are in use',
    alert: 'GPUMemoryHigh',
    series: { [`hw_gpu_memory_utilization_ratio{${ofGpu}}`]: gauge(0.5, 0.95) },
    at: { '14m': [], '20m': [{ severity: 'critical', system: 'datasets', labels: gpu, says: '95%' }], '40m': [] },
  },
  {
    name: '10 GiB of its memory are in use',
    alert: 'GPUMemoryHigh',
    series: { [`hw_gpu_memory_usage_bytes{${ofGpu}}`]: gauge(2 ** 30, 10 * 2 ** 30) },
    at: {
      '10m': [],
      '13m': [{ severity: 'critical', system: 'microstructure', labels: gpu, says: '10Gi' }],
      '40m': [],
    },
  },
  {
    name: 'its chip is at 95 °C',
    alert: 'GPUHot',
    series: { [`hw_temperature_celsius{${ofGpu}}`]: gauge(60, 95) },
    at: {
      '10m': [],
      '20m': [
        { severity: 'critical', labels: gpu, says: '95' },
        { severity: 'warning', labels: gpu, says: '95' },
      ],
      '40m': [],
    },
  },
  {
    name: 'heat holds it down',
    alert: 'GPUThrottled',
    series: {
      [`hw_gpu_throttle{${ofGpu}, hw_gpu_throttle_reason="hw_thermal"}`]: gauge(0, 1),
      [`hw_gpu_throttle{${ofGpu}, hw_gpu_throttle_reason="gpu_idle"}`]: '1x120',
    },
    at: {
      '10m': [],
      '20m': [{ severity: 'warning', labels: { ...gpu, hw_gpu_throttle_reason: 'hw_thermal' }, says: '1' }],
      '40m': [],
    },
  },
  {
    name: 'its power limit holds it down',
    alert: 'GPUPowerCapped',
    series: { [`hw_gpu_throttle{${ofGpu}, hw_gpu_throttle_reason="sw_power_cap"}`]: gauge(0, 1, 45) },
    at: { '30m': [], '50m': [{ severity: 'info', labels: gpu, says: '1' }], '80m': [] },
  },
  {
    name: 'an error that could not be corrected',
    alert: 'GPUErrors',
    series: { [`hw_errors_total{${ofGpu}, error_type="uncorrected"}`]: once() },
    at: { '10m': [], '13m': [{ severity: 'critical', labels: gpu, says: '1' }], '90m': [] },
  },
  {
    name: 'many errors that were corrected',
    alert: 'GPUErrors',
    series: { [`hw_errors_total{${ofGpu}, error_type="corrected"}`]: once(20) },
    at: { '10m': [], '13m': [{ severity: 'warning', labels: gpu, says: '20' }], '90m': [] },
  },
  {
    name: 'it falls off the bus and comes back',
    alert: 'GPULost',
    series: {
      [`hw_gpu_memory_limit_bytes{${ofGpu}}`]: '80x10 _x30 80x60',
      'vitrine_heartbeat_timestamp_seconds{job="vitrine", instance="a"}': '0+60x110',
    },
    at: { '10m': [], '16m': [{ severity: 'critical', labels: gpu, says: '1' }], '45m': [] },
  },
  {
    name: 'a service that is down loses no GPU',
    alert: 'GPULost',
    series: {
      [`hw_gpu_memory_limit_bytes{${ofGpu}}`]: '80x10',
      'vitrine_heartbeat_timestamp_seconds{job="vitrine", instance="a"}': '0+60x10',
    },
    at: { '20m': [] },
  },
  {
    name: 'a service that is not heard for a moment loses no GPU',
    alert: 'GPULost',
    series: {
      [`hw_gpu_memory_limit_bytes{${ofGpu}}`]: '80x10 _x5 80x20',
      'vitrine_heartbeat_timestamp_seconds{job="vitrine", instance="a"}': '0+60x10 _x5 960+60x20',
    },
    at: { '13m': [], '15m': [], '18m': [] },
  },
  {
    name: 'others compute on it',
    alert: 'GPUShared',
    series: { [`hw_gpu_processes{${ofGpu}, hw_gpu_process_owner="other"}`]: gauge(0, 2, 30) },
    at: { '20m': [], '35m': [{ severity: 'info', labels: gpu, says: '2' }], '60m': [] },
  },
];
