/**
 * What the makers' images had in them when they were chosen: the digest of the index of all
 * platforms. Each was found alike in several public repositories that pin the same image.
 */
export const imageDigests: Readonly<Record<string, string>> = {
  'grafana/grafana:12.4.11': 'sha256:3ea272e5cab64a4a62240c682e2c62433b25614d956d44c299a10cb6994f6f2e',
  'grafana/loki:3.7.8': 'sha256:1107dd5274e0ada47e42472b7a7e71f3b2a2fe878878108f3e2f9e51528f0193',
  'grafana/tempo:2.8.2': 'sha256:0ef775495967cd5d7a6b2e146b6ea695d624803c8db8349fb8ce4164f719f9b7',
  'prom/alertmanager:v0.28.1': 'sha256:27c475db5fb156cab31d5c18a4251ac7ed567746a2483ff264516437a39b15ba',
  'prom/prometheus:v3.15.0': 'sha256:efd719c99d83b060d9daefdcf00360461adf279f45ef5391f8d111892118753e',
};
