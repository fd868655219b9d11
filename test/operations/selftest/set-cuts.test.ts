import { ROLE } from '../../../src/format/header.js';
import { ROWS } from '../../../src/operations/selftest/rows.js';
import type { Stage } from '../../../src/operations/selftest/stage.js';
import { MetadataWriter } from '../../../src/store/writer.js';
import { assert, suite } from '../../support/harness.js';
import { tryRow, trySmall } from './rows.js';

/** A set that moves to another spare: whichever loses what in a power cut, one of the two counts and has all. */

const test = suite('power cuts of what moves sets');
let total = 0;

for (const [index, row] of ROWS.entries())
  if (row.movesSet === true)
    test(
      row.name,
      async () => {
        total += await tryRow(row, index);
      },
      { timeoutMs: 240_000 },
    );

test('how many states were tried', () => {
  console.log(`${total} states of a power cut`);
  assert.ok(total > 3000);
});

/** Retires the spare although its data is nowhere else. */
async function retire({ device, now }: Stage): Promise<void> {
  const writer = await MetadataWriter.open(device);
  await writer.commit({ header: { role: ROLE.retired, peer_uuid: writer.content.header.set_uuid } }, now);
}

test('a source that is retired before its target is there is found', async () => {
  const { broken } = await trySmall(
    { name: 'careless', work: retire, movesSet: true, from: (_, layout) => layout === 'redundant' },
    1,
    16,
  );
  assert.match(broken ?? '', /neither of the two spares is the active one/);
});
