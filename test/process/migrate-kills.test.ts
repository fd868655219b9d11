import { assert, suite } from '../support/harness.js';
import { killTimes, type ServerKill } from './served-stage.js';
import { AT_A_TIME } from './stage.js';

/**
 * A server is killed (SIGKILL) at random moments of a migration, with writes, flushes and messages under way.
 * One of the two spares is active, and has what was flushed: by check, by the independent reader, and by the
 * server that is started next, which moves the set on.
 */

const test = suite('serve, killed while the set moves');

const KILLS = 130;
const KIND = { name: 'a set that moves', layout: 'redundant', moves: true } as const;

test(
  'one spare is active, and has all that was flushed',
  async () => {
    const each = Array.from({ length: AT_A_TIME }, (_, index) =>
      killTimes(KIND, KILLS / AT_A_TIME, 101 + index),
    );
    const kills = (await Promise.all(each)).flat();
    const count = (how: ServerKill['moved']): number => kills.filter(({ moved }) => moved === how).length;
    const loaded = kills.filter(({ requests }) => requests > 0).length;
    console.log(
      `${kills.length} kills, ${loaded} with requests under way: ${count('begun')} before the commit point, ` +
        `${count('between')} behind it with the end missing, ${count('done')} behind all; ${count('none')} without a migration`,
    );
    assert.ok(kills.length >= 100);
    assert.ok(count('begun') > 20 && count('done') + count('between') > 20);
  },
  { timeoutMs: 400_000 },
);
