import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, suite } from '../support/harness.js';
import { PROJECT } from '../support/project.js';
import { FIXTURE_CLI, runNode } from './fixture-cli/run.js';

const test = suite('scripts/manifest.mjs');

const SCRIPT = join(PROJECT, 'scripts', 'manifest.mjs');
let root = '';

test.before(() => {
  // A package of its own: the fixture's commands, reached under their real place so that imports work.
  root = mkdtempSync(join(tmpdir(), 'manifest-'));
  symlinkSync(join(FIXTURE_CLI, '..', 'commands'), join(root, 'commands'));
  const oclif = { bin: 'fixture', commands: './commands', topicSeparator: ' ' };
  writeFileSync(
    join(root, 'package.json'),
    JSON.stringify({ name: 'fixture', version: '1.2.3', type: 'module', oclif }),
  );
});
test.after(() => rmSync(root, { recursive: true }));

const manifest = (...args: string[]) => runNode([SCRIPT, '--root', root, ...args]);
const text = () => readFileSync(join(root, 'oclif.manifest.json'), 'utf8');

test('--check says that there is none, and writes none', async () => {
  const { code, stderr } = await manifest('--check');
  assert.is(code, 1);
  assert.match(stderr, 'node scripts/manifest.mjs');
  assert.throws(text, 'ENOENT');
});

test('it holds every command, in order, and comes out the same each time', async () => {
  assert.is((await manifest()).code, 0);
  const first = text();
  const { commands, version } = JSON.parse(first);
  assert.is(version, '1.2.3');
  assert.ok(Object.keys(commands).includes('group:one'));
  assert.equal(Object.keys(commands), Object.keys(commands).sort());
  assert.equal(Object.keys(commands.show.args), ['spare', 'sector']);
  assert.is((await manifest()).code, 0);
  assert.is(text(), first);
  assert.is((await manifest('--check')).code, 0);
});

test('--check notices a change', async () => {
  await manifest();
  const changed = text().replace('Show what was parsed.', 'Show.');
  writeFileSync(join(root, 'oclif.manifest.json'), changed);
  assert.is((await manifest('--check')).code, 1);
  assert.is(text(), changed);
});
