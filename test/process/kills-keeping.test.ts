import { suite } from '../support/harness.js';
import { assertShare, killAtRandom } from './random-kills.js';
import { KEEPING } from './victims.js';

const test = suite('convert, resize and undo, killed at random moments');

const all = killAtRandom(test, KEEPING);

test('150 kills and more, a fair share while it was writing', () => assertShare(all, 150));
