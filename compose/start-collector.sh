# start-collector.sh <collector> [arguments]: the Collector with the backends that VITRINE_BACKENDS names, as the launcher starts it
# natively. VITRINE_CONFIGURATION is the folder that holds config.yaml and backends/.
set -eu
collector=$1
shift
folder=${VITRINE_CONFIGURATION:-/etc/vitrine}
set -- "--config=$folder/config.yaml" "$@"
IFS=', '
for backend in ${VITRINE_BACKENDS:-prometheus,tempo,loki}; do
  if [ ! -f "$folder/backends/$backend.yaml" ]; then
    echo "Cannot start the Collector: there is no otel-collector/backends/$backend.yaml; name files of that folder in VITRINE_BACKENDS." >&2
    exit 1
  fi
  set -- "$@" "--config=$folder/backends/$backend.yaml"
done
exec "$collector" "$@"
