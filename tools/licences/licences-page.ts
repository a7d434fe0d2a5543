import { exceptions } from './check-licences.ts';
import type { LockedPackage } from './packages.ts';

/** docs/licences-of-packages.md: every package by its licence. */
export function licencesPage(packages: readonly LockedPackage[]): string {
  const licenceOf = ({ name, licence }: LockedPackage) => licence ?? exceptions[name]?.licence ?? '';
  const byLicence = Map.groupBy(packages, licenceOf);
  const sections = [...byLicence]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([licence, of]) => `## ${licence.replaceAll(/[()]/g, '')}\n\n${list(of)}`);
  return `# Licences of packages

Every package of \`package-lock.json\` by its licence. An asterisk marks what only development uses: it is not in the image and not in the package.
\`npm run check\` refuses a licence that is not permissive. The exceptions have their reason:

${Object.entries(exceptions)
  .map(([name, { licence, because }]) => `- **${name}** (${licence}): ${because}.`)
  .join('\n')}

The licences of the servers are in [Licences](licences.md).

${sections.join('\n\n')}
`;
}

function list(packages: readonly LockedPackage[]): string {
  return packages
    .map(({ name, version, development }) => `\`${name}\` ${version}${development ? '\\*' : ''}`)
    .join(', ');
}
