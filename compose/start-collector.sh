# start-collector.sh <collector> [arguments]: the Collector with the backends that VITRINE_BACKENDS names, as the launcher starts it
# natively. VITRINE_CONFIGURATION is the folder that holds config.yaml, compat.yaml where wanted, and backends/.
set -eu
collector=$1
shift
folder=${VITRINE_CONFIGURATION:-/etc/vitrine}
set -- "--config=$folder/config.yaml" "$@"
if [ "${VITRINE_COLLECTOR_ALIASES:-true}" = true ] && [ -f "$folder/compat.yaml" ]; then
  set -- "$@" "--config=$folder/compat.yaml"
fi
IFS=', '
plain=
overlays=
for backend in ${VITRINE_BACKENDS:-prometheus,tempo,loki}; do
  case $backend in
    tail-sampling | loki-by-stream) overlays="$overlays $backend" ;;
    *) plain="$plain $backend" ;;
  esac
done
case " $plain $overlays " in
  *' loki '*) ;;
  *' loki-by-stream '*)
    echo 'Cannot separate the log streams: loki-by-stream lies over loki; name both in VITRINE_BACKENDS.' >&2
    exit 1
    ;;
esac
# The overlays last, since a later file has the last word.
for backend in $plain $overlays; do
  if [ ! -f "$folder/backends/$backend.yaml" ]; then
    echo "Cannot start the Collector: there is no otel-collector/backends/$backend.yaml; name files of that folder in VITRINE_BACKENDS." >&2
    exit 1
  fi
  set -- "$@" "--config=$folder/backends/$backend.yaml"
done
exec "$collector" "$@"
