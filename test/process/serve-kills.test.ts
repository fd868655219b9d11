import { assert, needs, suite } from '../support/harness.js';
import { killTimes, type ServerKill, type SetKind } from './served-stage.js';
import { AT_A_TIME } from './stage.js';

/**
 * A server is killed (SIGKILL) at random moments, with writes, flushes and messages under way. What was
 * answered as flushed is there afterwards, data and entries: by check and the independent reader, and by the
 * server that is started next.
 */

const test = suite('serve, killed at random moments');

const TIMEOUT_MS = 200_000;

const all: ServerKill[] = [];

function killServing(kind: SetKind, kills: number, seed: number, ...wanted: readonly string[]): void {
  const body = async (): Promise<void> => {
    needs(...wanted);
    const each = Array.from({ length: AT_A_TIME }, (_, index) =>
      killTimes(kind, kills / AT_A_TIME, seed + index),
    );
    const done = (await Promise.all(each)).flat();
    console.log(`${kind.name}: ${summary(done)}`);
    all.push(...done);
  };
  test(kind.name, body, { timeoutMs: TIMEOUT_MS });
}

function summary(kills: readonly ServerKill[]): string {
  const count = (is: (kill: ServerKill) => boolean): number => kills.filter(is).length;
  const lost = kills.reduce((sum, kill) => sum + kill.lost, 0);
  return (
    `${kills.length} kills: ${count(({ isStarting }) => isStarting)} while it started, ` +
    `${count(({ requests }) => requests > 0)} with requests and ` +
    `${count(({ messages }) => messages > 0)} with messages under way; ` +
    `check corrected ${count(({ corrected }) => corrected)}; ${lost} sectors lost a write that no flush had covered`
  );
}

killServing({ name: 'a redundant set', layout: 'redundant' }, 116, 1);
killServing({ name: 'a plain set with an identity', layout: 'plain-ext' }, 44, 11);
killServing({ name: 'a plain set', layout: 'plain' }, 44, 21);
killServing(
  { name: 'a main that does not take some sectors', layout: 'redundant', failing: [256, 320] },
  16,
  31,
  ...['root', 'nbdkit', 'nbdfuse', 'fusermount3', '/dev/fuse'],
);

test('200 kills and more, most of them with requests under way', () => {
  console.log(`all: ${summary(all)}`);
  assert.ok(all.length >= 200, `${all.length} kills`);
  assert.ok(all.filter(({ requests }) => requests > 0).length >= all.length / 2, summary(all));
});
