// A shim in the place of NVIDIA's management library, for machines without a GPU: it exports the functions that Vitrine calls and
// answers what the text file named by VITRINE_NVML_SHIM says, one "key value" a line, read anew at each call. It is no GPU: it proves that
// calls, units, errors and loss are handled, and nothing about any driver. The keys and their defaults stand in the functions below.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef int nvmlReturn_t;
typedef struct device *nvmlDevice_t;
typedef struct { unsigned gpu, memory; } nvmlUtilization_t;
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
typedef struct { unsigned pid; unsigned long long usedGpuMemory; unsigned gpuInstanceId, computeInstanceId; } nvmlProcessInfo_t;

#define EXPORT __attribute__((visibility("default")))

static unsigned countAtInit = 0;

static int lookUp(const char *key, unsigned long long *value) {
  const char *path = getenv("VITRINE_NVML_SHIM");
  FILE *file = path ? fopen(path, "r") : NULL;
  if (!file) return 0;
  char name[64];
  unsigned long long number;
  int found = 0;
  while (!found && fscanf(file, "%63s %llu", name, &number) == 2) found = strcmp(name, key) == 0;
  fclose(file);
  if (found) *value = number;
  return found;
}

static unsigned long long ask(const char *key, unsigned long long fallback) {
  unsigned long long value = fallback;
  lookUp(key, &value);
  return value;
}

static unsigned indexOf(nvmlDevice_t device) { return (unsigned)(unsigned long)device - 1; }

/* "power 100" is for every device, "power.1 200" for the second alone. */
static unsigned long long askOf(nvmlDevice_t device, const char *key, unsigned long long fallback) {
  char own[64];
  snprintf(own, sizeof own, "%s.%u", key, indexOf(device));
  return ask(own, ask(key, fallback));
}

/* "rc.power 3" refuses with that code; "hang.power 20" makes the call last 20 s; "crash.power 1" ends the process as a defect would. */
static nvmlReturn_t trouble(const char *function) {
  char key[64];
  snprintf(key, sizeof key, "crash.%s", function);
  if (ask(key, 0)) abort();
  snprintf(key, sizeof key, "hang.%s", function);
  unsigned seconds = (unsigned)ask(key, 0);
  if (seconds) sleep(seconds);
  snprintf(key, sizeof key, "rc.%s", function);
  return (nvmlReturn_t)ask(key, 0);
}

static nvmlReturn_t troubleOf(nvmlDevice_t device, const char *function) {
  if (askOf(device, "lost", 0)) return 15;
  return trouble(function);
}

#define REFUSE(call) do { nvmlReturn_t code = call; if (code) return code; } while (0)

EXPORT nvmlReturn_t nvmlInit_v2(void) {
  REFUSE(trouble("init"));
  countAtInit = (unsigned)ask("count", 1);
  return 0;
}

EXPORT nvmlReturn_t nvmlShutdown(void) { return 0; }

EXPORT nvmlReturn_t nvmlSystemGetDriverVersion(char *out, unsigned length) {
  snprintf(out, length, "shim (no driver)");
  return 0;
}

/* The real library sees new devices only when it is initialised anew, and so does this one. */
EXPORT nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *out) {
  REFUSE(trouble("count"));
  *out = countAtInit;
  return 0;
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *out) {
  if (index >= countAtInit) return 2;
  nvmlDevice_t device = (nvmlDevice_t)(unsigned long)(index + 1);
  REFUSE(troubleOf(device, "handle"));
  *out = device;
  return 0;
}

EXPORT nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *out, unsigned length) {
  REFUSE(troubleOf(device, "name"));
  snprintf(out, length, "Shim %u (no GPU)", indexOf(device));
  return 0;
}

EXPORT nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *out, unsigned length) {
  REFUSE(troubleOf(device, "uuid"));
  snprintf(out, length, "GPU-shim-%04u", indexOf(device));
  return 0;
}

EXPORT nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *out) {
  REFUSE(troubleOf(device, "utilization"));
  out->gpu = (unsigned)askOf(device, "utilization", 37);
  out->memory = 12;
  return 0;
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *out) {
  REFUSE(troubleOf(device, "memory"));
  out->total = 80ULL << 30;
  out->used = askOf(device, "memory", 20ULL << 30);
  out->free = out->total - out->used;
  return 0;
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned *out) {
  REFUSE(troubleOf(device, "power"));
  *out = (unsigned)askOf(device, "power", 71234);
  return 0;
}

EXPORT nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t device, unsigned *out) {
  REFUSE(troubleOf(device, "power_limit"));
  *out = (unsigned)askOf(device, "power_limit", 700000);
  return 0;
}

/* With "energy_step_ms", the counter moves on by itself, in steps of so many milliseconds of the power drawn. */
EXPORT nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device, unsigned long long *out) {
  REFUSE(troubleOf(device, "energy"));
  *out = askOf(device, "energy", 9007199254740991ULL);
  unsigned long long stepMs = ask("energy_step_ms", 0);
  if (stepMs) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned long long ms = (unsigned long long)now.tv_sec * 1000 + (unsigned long long)now.tv_nsec / 1000000;
    *out += ms / stepMs * stepMs * askOf(device, "power", 71234) / 1000;
  }
  return 0;
}

EXPORT nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, int sensor, unsigned *out) {
  REFUSE(troubleOf(device, "temperature"));
  if (sensor != 0) return 2;
  *out = (unsigned)askOf(device, "temperature", 44);
  return 0;
}

EXPORT nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, int type, unsigned *out) {
  static const unsigned megahertz[] = { 1980, 1975, 2619, 1545 };
  REFUSE(troubleOf(device, "clock"));
  if (type < 0 || type > 3) return 2;
  *out = megahertz[type];
  return 0;
}

/* Only the older of the two names, so that the search for it is tested too. */
EXPORT nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device, unsigned long long *out) {
  REFUSE(troubleOf(device, "throttle"));
  *out = askOf(device, "throttle", 0x4);
  return 0;
}

EXPORT nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, int type, int counter, unsigned long long *out) {
  REFUSE(troubleOf(device, "ecc"));
  if (counter != 1) return 2;
  *out = type == 0 ? askOf(device, "ecc_corrected", 3) : askOf(device, "ecc_uncorrected", 0);
  return 0;
}

/* "processes 40" lists so many, with ids from 4000001 on and one MiB each; "own_process 123" adds that one with 2 GiB. */
EXPORT nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned *length, nvmlProcessInfo_t *out) {
  REFUSE(troubleOf(device, "processes"));
  unsigned others = (unsigned)askOf(device, "processes", 2);
  unsigned own = (unsigned)ask("own_process", 0);
  unsigned have = others + (own ? 1 : 0);
  unsigned room = *length;
  *length = have;
  if (room < have || !out) return have ? 7 : 0;
  for (unsigned i = 0; i < others; i++) out[i] = (nvmlProcessInfo_t){ 4000001 + i, 1ULL << 20, ~0u, ~0u };
  if (own) out[others] = (nvmlProcessInfo_t){ own, 2ULL << 30, ~0u, ~0u };
  return 0;
}
