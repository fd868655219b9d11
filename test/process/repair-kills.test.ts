import { suite } from '../support/harness.js';
import { killAtRandom } from './random-kills.js';
import { REPAIRS } from './victims.js';

/** As the other kills, of repair: what it was told to do is done when the same line is typed again, or by a check. */

const test = suite('repair, killed at random moments');

killAtRandom(test, REPAIRS);
