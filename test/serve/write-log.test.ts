import { WriteLog } from '../../src/serve/write-log.js';
import { assert, suite } from '../support/harness.js';
import { Random } from '../support/random.js';

/** What is known of the sectors that were written to a device. */

const test = suite('write log');

const SECTORS = 4096;

/** The sectors that are unknown. */
function unknownOf(log: WriteLog): Set<number> {
  const found = new Set<number>();
  for (const [from, end] of log.unknown.ranges())
    for (let sector = from; sector < end; sector++) found.add(sector);
  return found;
}

test('what a failed flush covered is unknown until it is written again', () => {
  const random = new Random(5);
  const log = new WriteLog();
  const [written, flushing, unknown] = [new Set<number>(), new Set<number>(), new Set<number>()];
  const move = (from: Set<number>, to: Set<number> | undefined): void => {
    for (const sector of from) to?.add(sector);
    from.clear();
  };
  for (let step = 0; step < 20_000; step++) {
    const kind = random.below(100);
    if (kind === 0) {
      log.fail();
      move(flushing, unknown);
      move(written, unknown);
      assert.equal(
        [...unknownOf(log)],
        [...unknown].sort((a, b) => a - b),
      );
    } else if (kind < 4) {
      log.begin();
      move(written, flushing);
    } else if (kind < 7) {
      log.end();
      flushing.clear();
    } else {
      const first = random.below(SECTORS);
      const end = first + random.between(1, 16);
      log.wrote(first, end, log.moment);
      for (let sector = first; sector < end; sector++) {
        written.add(sector);
        unknown.delete(sector);
      }
    }
    assert.is(log.isDirty, written.size + flushing.size > 0);
  }
});

test('a write that began before a failure is unknown', () => {
  const log = new WriteLog();
  const { moment } = log;
  log.fail();
  log.wrote(8, 16, moment);
  assert.equal([log.isDirty, log.unknown.ranges()], [false, [[8, 16]]]);
});

test('half a million writes all over a disk are taken in at once when a flush fails', () => {
  const random = new Random(6);
  const log = new WriteLog();
  while (!log.isLong) {
    const first = random.below(2 ** 31) * 8;
    log.wrote(first, first + 4, log.moment);
  }
  const began = performance.now();
  log.fail();
  // one by one it takes a minute, in which the server answers nobody
  assert.ok(performance.now() - began < 10_000);
  assert.ok(log.unknown.ranges().length > 500_000);
});

test('writes that follow each other are one', () => {
  const log = new WriteLog();
  for (let sector = 0; sector < 2 ** 20; sector++) log.wrote(sector, sector + 1, log.moment);
  assert.not(log.isLong);
  log.fail();
  assert.equal(log.unknown.ranges(), [[0, 2 ** 20]]);
});
