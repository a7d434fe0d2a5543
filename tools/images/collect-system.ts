import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, globSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

// Run while the image is built: the part of Debian that Node, tini and the native packages load,
// and nothing else: no shell, no package manager, no program that changes its user.
// Usage: node collect-system.ts <folder> <node_modules>

const [folder = '/system', modules = '/app/node_modules'] = process.argv.slice(2);
/** Opened by name: what `ldd` does not see, and CUDA's libraries ask for. */
const byName = ['libresolv.so.2', 'libpthread.so.0', 'libdl.so.2', 'librt.so.1', 'libnss_dns.so.2'];

for (const name of ['usr/bin', 'usr/lib', 'usr/lib64', 'usr/local/bin', 'etc', 'var/lib/dpkg/status.d', 'tmp'])
  mkdirSync(join(folder, name), { recursive: true });
for (const name of ['bin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(folder, name));
chmodSync(join(folder, 'tmp'), 0o1777);

const programs = [process.execPath, '/usr/bin/tini'];
const natives = globSync(`${modules}/**/*.{node,so,so.*}`);
const libraries = new Set([...programs, ...natives].flatMap(librariesOf));
const home = dirname([...libraries].find((path) => path.includes('libc.so'))!);
for (const name of byName) libraries.add(join(home, name));

copy(process.execPath, '/usr/local/bin/node');
copy('/usr/bin/tini', '/usr/bin/tini');
for (const path of libraries) copy(path, path.replace(/^\/(lib|lib64)\//, '/usr/$1/'));
copy('/etc/os-release', '/etc/os-release');
write('/etc/passwd', 'root:x:0:0:root:/:/\nnode:x:1000:1000:node:/data:/\nnobody:x:65534:65534:nobody:/:/\n');
write('/etc/group', 'root:x:0:\nnode:x:1000:\nnogroup:x:65534:\n');
write('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');
// Scanners look for Debian packages there, as in images that are made in the same way.
for (const name of new Set(['/usr/bin/tini', ...libraries].map(packageOf)))
  write(`/var/lib/dpkg/status.d/${name.replace(/:.*/, '')}`, run('dpkg', '-s', name));

function librariesOf(path: string): string[] {
  return [...run('ldd', path).matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)]
    .map(([, library]) => library!)
    .filter((library) => !library.startsWith(modules));
}

function packageOf(path: string): string {
  for (const each of [path, realpathSync(path), realpathSync(path).replace(/^\/usr/, '')])
    try {
      return run('dpkg', '-S', each).split(': ')[0]!;
    } catch {
      // Debian records some files below /lib and others below /usr/lib.
    }
  throw new Error(`Cannot name the package of ${path}: dpkg -S does not know it; name another base image.`);
}

/** Whole, not as a link: one name is enough for a library. */
function copy(from: string, to: string): void {
  mkdirSync(join(folder, dirname(to)), { recursive: true });
  cpSync(realpathSync(from), join(folder, to));
  // The kernel runs the loader, ld-*, as it runs a program.
  const runs = programs.some((program) => basename(program) === basename(to)) || basename(to).startsWith('ld-');
  chmodSync(join(folder, to), runs ? 0o755 : 0o644);
}

function write(path: string, text: string): void {
  writeFileSync(join(folder, path), text);
}

function run(program: string, ...parameters: string[]): string {
  return execFileSync(program, parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}
