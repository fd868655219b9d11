import { suite } from '../support/harness.js';
import { testPowerCuts } from './power-cut-tests.js';
import { isMove, STARTS } from './starts.js';

/** Moving the backup of a grown device, with everything else that may be wrong, is as safe as the rest. */

testPowerCuts(
  suite('moves under power cuts'),
  STARTS.filter(({ name }) => isMove(name)),
  { states: 7000, second: 3000 },
);
