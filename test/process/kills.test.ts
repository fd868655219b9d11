import { assert, suite } from '../support/harness.js';
import { countOf, summary } from './kill.js';
import { killAtRandom } from './random-kills.js';
import { VICTIMS } from './victims.js';

/**
 * The real process is killed (SIGKILL) at random moments of a change of an image file. A check then finds the
 * old metadata or the new, whole, with all data, and the undo files bring back what lay there.
 */

const test = suite('killed at random moments');

const all = killAtRandom(test, VICTIMS);

test('most of them, of 300 and more, hit while it was writing', () => {
  console.log(`all: ${summary(all)}`);
  assert.ok(all.length >= 300, `${all.length} kills`);
  assert.ok(countOf(all, 'within') >= all.length / 2, summary(all));
});
