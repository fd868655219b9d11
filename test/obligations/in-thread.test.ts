import { rmSync } from 'node:fs';
import { assert, suite } from '../support/harness.js';
import { healthyImage, ROWS, type Things } from './commands.js';
import { runInThread } from './in-thread.js';
import { DMREMAP, dmremap, type Ended, PLAIN } from './run-cli.js';
import { patient, Workshop } from './workshop.js';

/** A thread prints what a process prints, and ends as it does. */

const test = suite('obligations: programs in threads');
const slow = patient(test);
const shop = new Workshop();
let things: Things = { spare: '', main: '', target: '', dump: '', control: '' };
test.before(async () => {
  things = await shop.healthy();
});
test.after(() => shop.cleanUp());

/** Without what is another one each time: times, and identifiers that are made. */
function lasting({ code, stdout, stderr }: Ended): unknown {
  const masked = (text: string): string =>
    text
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z|"last_update_time": \d+/g, 'TIME')
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID');
  return { code, stdout: masked(stdout), stderr: masked(stderr) };
}

/** One is never run in a thread, the other takes long. */
const ROWS_TO_COMPARE = ROWS.filter(({ name }) => name !== 'serve' && name !== 'selftest');

for (const [index, row] of ROWS_TO_COMPARE.entries())
  slow(row.name, async () => {
    const more = index % 2 === 0 ? ['--json'] : [];
    const fresh = (): readonly string[] => {
      rmSync(shop.state, { recursive: true, force: true });
      const spare = shop.put('spare.img', healthyImage());
      const target = shop.sparse('target.img', 1 << 20);
      return [...row.line({ ...things, spare, target }), ...more];
    };
    const env = { ...PLAIN, ...shop.env };
    const asProcess = await dmremap(fresh(), { env });
    const inThread = await runInThread(DMREMAP, fresh(), { env, input: '', patience: 30_000 });
    assert.equal(lasting(inThread), lasting(asProcess));
  });

test('a program that does not end is ended, and has no code', async () => {
  const line = ['restore', '/dev/null', '--input', '-'];
  const { code } = await runInThread(DMREMAP, line, { env: PLAIN, input: '', patience: 1 });
  assert.is(code, null);
});
