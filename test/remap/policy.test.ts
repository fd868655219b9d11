import fc from 'fast-check';
import { Policy, type RemapMode } from '../../src/remap/policy.js';
import { assert, suite } from '../support/harness.js';

/** What becomes of sectors that fail, and which are pending. */

const test = suite('policy');

const MODES: readonly RemapMode[] = ['write', 'salvage', 'off'];

function policy(mode: RemapMode, blockSectors = 1): Policy {
  return new Policy({ mode, blockSectors, readAttempts: 3, readMilliseconds: 1000 });
}

const after = (attempts: number, elapsedMilliseconds = 0) => ({ attempts, elapsedMilliseconds });
const nowhere = () => false;

function pendingOf({ pending }: Policy): number[] {
  const found: number[] = [];
  pending.walk(0, Number.POSITIVE_INFINITY, (sector) => found.push(sector));
  return found;
}

test('a sector is read again a few times, then it is pending', () => {
  for (const mode of MODES) {
    const sut = policy(mode);
    assert.is(sut.readFailed(7, after(1)), 'retry');
    assert.is(sut.readFailed(7, after(2)), 'retry');
    assert.equal(pendingOf(sut), []);
    assert.is(sut.readFailed(7, after(3)), 'give up');
    assert.equal(pendingOf(sut), [7]);
    assert.is(sut.readFailed(7, after(1)), 'give up', 'a pending one is tried once');
  }
});

test('a slow sector is given up when its time is over', () => {
  const sut = policy('write');
  assert.is(sut.readFailed(7, after(1, 999)), 'retry');
  assert.is(sut.readFailed(7, after(1, 1000)), 'give up');
});

test('a sector that was read at last moves under salvage only, and is pending no more', () => {
  for (const mode of MODES) {
    const sut = policy(mode);
    const wanted = mode === 'salvage' ? 'move' : 'keep';
    assert.is(sut.readSucceeded(7, after(1)), 'keep');
    assert.is(sut.readSucceeded(7, after(2)), wanted);
    sut.readFailed(7, after(3));
    assert.is(sut.readSucceeded(7, after(1)), wanted);
    assert.equal(pendingOf(sut), []);
  }
});

test('what is pending goes to the spare with the next write, unless nothing is to be moved', () => {
  for (const mode of MODES) {
    const sut = policy(mode);
    assert.is(sut.placeOfWrite(7), 'main');
    sut.readFailed(7, after(3));
    assert.is(sut.placeOfWrite(7), mode === 'off' ? 'main' : 'spare');
    assert.is(sut.placeOfWrite(8), 'main');
    sut.settled(7, 8);
    assert.is(sut.placeOfWrite(7), 'main');
  }
});

test('a write that fails takes the rest of its physical block with it', () => {
  const sut = policy('write', 8);
  assert.is(
    sut.writeFailed(11, 13, (sector) => sector === 9),
    'move',
  );
  assert.equal(pendingOf(sut), [8, 10, 11, 12, 13, 14, 15]);
  sut.settled(11, 13);
  assert.equal(pendingOf(sut), [8, 10, 13, 14, 15]);
});

test('a write that fails is given up where nothing is to be moved', () => {
  const sut = policy('off', 8);
  assert.is(sut.writeFailed(8, 16, nowhere), 'give up');
  assert.equal(pendingOf(sut).length, 8);
});

test('any events: a sector is pending from its failure to its next success', () => {
  const sector = fc.nat(20);
  const event = fc.tuple(fc.constantFrom('lost', 'read', 'refused', 'settled'), sector);
  const property = fc.property(fc.constantFrom(...MODES), fc.array(event), (mode, events) => {
    const sut = policy(mode, 8);
    const model = new Set<number>();
    for (const [kind, at] of events) {
      const block = at - (at % 8);
      if (kind === 'lost') {
        sut.readFailed(at, after(3));
        model.add(at);
      } else if (kind === 'refused') {
        sut.writeFailed(at, at + 1, (other) => other % 5 === 0);
        for (let other = block; other < block + 8; other++) if (other % 5 !== 0) model.add(other);
      } else {
        if (kind === 'read') sut.readSucceeded(at, after(1));
        else sut.settled(at, at + 1);
        model.delete(at);
      }
    }
    assert.equal(
      pendingOf(sut),
      [...model].sort((a, b) => a - b),
    );
  });
  fc.assert(property, { seed: 20_231_001, numRuns: 200 });
});
