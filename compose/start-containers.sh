# start-containers.sh <collector> [arguments]: the Collector that measures containers. It agrees with Docker on no version of Docker's
# API below 1.44, which is Engine 25; an older Engine takes 1.41 when it is named. So that is tried when the first one ends at the start.
trap 'kill "$!"; wait "$!"; exit $?' TERM INT
for version in '' 1.41; do
  VITRINE_DOCKER_API_VERSION=$version "$@" &
  wait "$!" && exit 0
done
exit 1
