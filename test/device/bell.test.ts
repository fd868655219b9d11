import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { assert, suite } from '../support/harness.js';

/** An eventfd that the event loop watches, and whether a process waits for it. */

const test = suite('bell');

const RINGER = join(import.meta.dirname, 'bell-ringer.js');

function heard(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [RINGER, ...args], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.is(status, 0, stderr);
  return stdout;
}

test('a process that waits for the bell lives until it is rung, and ends then', () => {
  assert.is(heard('awaited', '1'), 'rung\n');
});

test('what was rung several times in one go is heard once', () => {
  assert.is(heard('awaited', '3'), 'rung\n');
});

test('a process that waits for nothing ends', () => {
  assert.is(heard('not', '1'), '');
});
