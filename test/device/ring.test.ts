import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { assert, needs, suite } from '../support/harness.js';

/** A ring needs four descriptors: its own, the eventfd, and the two ends of a pipe. */

const test = suite('ring');

const ASKER = join(import.meta.dirname, 'few-descriptors.js');

function asked(free: number): { hasRing: boolean; more: number } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [ASKER, String(free)], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return JSON.parse(stdout);
}

for (const free of [0, 1, 2, 3])
  test(`where only ${free} descriptors are free there is none, and nothing stays open`, () => {
    needs('prlimit');
    assert.equal(asked(free), { hasRing: false, more: 0 });
  });

test('where four are free there is one', () => {
  needs('prlimit');
  assert.is(asked(4).hasRing, true);
});
