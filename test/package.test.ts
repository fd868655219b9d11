import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fixture } from './support/fixtures.js';
import { assert, needs, suite } from './support/harness.js';
import { PROJECT } from './support/project.js';

/** The package as people get it: packed, installed for the whole machine, run from somewhere else. */

const run = promisify(execFile);
const test = suite('package');
const folder = mkdtempSync(join(tmpdir(), 'dmremap-package-'));
const bin = (name: string) => join(folder, 'prefix', 'bin', name);

test.before(async () => {
  needs('npm');
  const npm = (...words: string[]) => run('npm', [...words, '--loglevel=error'], { cwd: PROJECT });
  await npm('pack', '--ignore-scripts', '--pack-destination', folder);
  const { version } = JSON.parse((await run('cat', [join(PROJECT, 'package.json')])).stdout);
  const tarball = join(folder, `dmremap-${version}.tgz`);
  await npm(
    'install',
    '--global',
    '--prefix',
    join(folder, 'prefix'),
    '--prefer-offline',
    '--no-audit',
    tarball,
  );
});

test.after(() => rmSync(folder, { recursive: true, force: true }));

test('dmremap runs from any folder', async () => {
  const image = join(folder, 'spare.img');
  writeFileSync(image, fixture('redundant-some'));
  const { stdout } = await run(bin('dmremap'), ['check', image], { cwd: '/' });
  assert.match(stdout, /600 of 1000 entries/);
  assert.match((await run(bin('dmremap'), ['--help'], { cwd: '/' })).stdout, /COMMANDS/);
});

test('fsck.dmremap3 runs from any folder', async () => {
  const image = join(folder, 'fsck.img');
  writeFileSync(image, fixture('stale-backup'));
  const first = await run(bin('fsck.dmremap3'), ['-a', image], { cwd: '/' }).then(
    () => 0,
    (error: { code: number }) => error.code,
  );
  assert.is(first, 1);
  await run(bin('fsck.dmremap3'), ['-n', image], { cwd: '/' });
});

test('the package holds what is run and no more', async () => {
  const { stdout } = await run(
    'npm',
    ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'],
    {
      cwd: PROJECT,
    },
  );
  const [packed] = JSON.parse(stdout) as { files: { path: string }[] }[];
  const stray = (packed?.files ?? [])
    .map(({ path }) => path)
    .filter(
      (path) =>
        !/^(bin|docs|dist\/src|dist\/commands)\/|^(README|LICENSE|CHANGELOG|package|oclif)/.test(path),
    );
  assert.equal(stray, []);
});
