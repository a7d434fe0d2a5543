import { hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Run while the image is built: what `npm sbom` lists, less what was removed, and Node and Debian's
// packages beside it, as SPDX 2.3. Without a random number or a clock, it is the same each time.
// Usage: node write-sbom.ts <npm's list> <folder of the system> <node_modules> <file>

type Package = {
  SPDXID: string;
  name: string;
  versionInfo: string;
  packageFileName?: string;
  downloadLocation: string;
  filesAnalyzed: boolean;
  licenseDeclared: string;
  externalRefs?: object[];
};
type Relationship = { spdxElementId: string; relatedSpdxElement: string; relationshipType: string };
type Document = {
  name: string;
  documentNamespace: string;
  creationInfo: { created: string; creators: string[] };
  documentDescribes: string[];
  packages: Package[];
  relationships: Relationship[];
};

const [listed = '', system = '', modules = '', file = ''] = process.argv.slice(2);
const document = JSON.parse(readFileSync(listed, 'utf8')) as Document;
const [described = ''] = document.documentDescribes;
const isThere = ({ SPDXID, packageFileName = '' }: Package) =>
  SPDXID === described || existsSync(join(modules, packageFileName.replace(/^node_modules\/?/, '')));

const packages = document.packages.filter(isThere).map((one) => ({ ...one, downloadLocation: 'NOASSERTION' }));
const known = new Set(packages.map(({ SPDXID }) => SPDXID));
const others = [nodeItself(), ...debianPackages()];
const seconds = Number(process.env.SOURCE_DATE_EPOCH || 0);

document.packages = [...packages, ...others];
document.relationships = [
  ...document.relationships.filter(
    ({ spdxElementId, relatedSpdxElement }) =>
      (known.has(spdxElementId) || spdxElementId === 'SPDXRef-DOCUMENT') && known.has(relatedSpdxElement),
  ),
  ...others.map(({ SPDXID }) => ({
    spdxElementId: described,
    relatedSpdxElement: SPDXID,
    relationshipType: 'DEPENDS_ON',
  })),
];
document.creationInfo = {
  created: new Date(seconds * 1000).toISOString().replace('.000', ''),
  creators: ['Tool: vitrine-images'],
};
document.documentNamespace = `https://spdx.org/spdxdocs/${document.name}-${hash('sha256', JSON.stringify(document.packages), 'hex').slice(0, 32)}`;
writeFileSync(file, `${JSON.stringify(document, undefined, 1)}\n`);

function nodeItself(): Package {
  const version = process.versions.node;
  return entry('SPDXRef-node', 'node', version, 'MIT', `pkg:generic/node@${version}`);
}

function debianPackages(): Package[] {
  const folder = join(system, 'var/lib/dpkg/status.d');
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const status = readFileSync(join(folder, name), 'utf8');
      const version = /^Version: (.+)$/m.exec(status)?.[1] ?? '';
      const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?distro=debian-12`;
      return entry(`SPDXRef-debian-${name.replace(/[^\w.-]/g, '-')}`, name, version, 'NOASSERTION', purl);
    });
}

function entry(SPDXID: string, name: string, versionInfo: string, licenseDeclared: string, purl: string): Package {
  return {
    SPDXID,
    name,
    versionInfo,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseDeclared,
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
  };
}
