import { suite } from '../support/harness.js';
import { assertShare, killAtRandom } from './random-kills.js';
import { REPLACING } from './victims.js';

const test = suite('restore, create and check, killed at random moments');

const all = killAtRandom(test, REPLACING);

test('150 kills and more, a fair share while it was writing', () => assertShare(all, 150));
