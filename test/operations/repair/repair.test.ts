import { readFileSync } from 'node:fs';
import { droppedTo } from '../../../src/operations/repair/dropped.js';
import { type RepairOptions, repairSpare } from '../../../src/operations/repair/repair.js';
import { Scratch } from '../../device/scratch.js';
import { fixture } from '../../support/fixtures.js';
import { assert, suite } from '../../support/harness.js';
import { judge } from '../../support/reader.js';
import { saved } from '../images.js';

const test = suite('repair of a spare');
const scratch = new Scratch();
test.after(() => scratch.cleanUp());

function options(approve: boolean): RepairOptions {
  process.env['DMREMAP_STATE_DIR'] = scratch.path('state');
  return {
    main: undefined,
    fromDump: undefined,
    plan: undefined,
    now: 1_750_000_000n,
    undo: {},
    approve: async () => approve,
    operator: {
      start: async ({ starts: [first] }) => first,
      answer: async ({ answers }) => answers[0],
      consider: () => {},
    },
    saveDropped: droppedTo(async function* ({ dump: { table } }) {
      for await (const { entries } of table.parts())
        for (const slot of entries.live()) yield `${entries.exactMainSector(slot)}\n`;
    }),
  };
}

for (const name of ['dup-main', 'spare-in-metadata', 'same-generation-differs'])
  test(`${name}: refused at the end nothing changes; repaired it is clean`, async () => {
    const image = fixture(name);
    const path = saved(scratch, `${name}.img`, image);
    const shown = await repairSpare(path, options(false));
    assert.equal([shown.change?.applied, shown.droppedFile], [false, undefined]);
    assert.ok(readFileSync(path).equals(image));
    const result = await repairSpare(path, options(true));
    assert.equal(result.remaining, []);
    assert.is(judge(readFileSync(path)).n, 0);
    const { droppedFile: file, draft } = result;
    const lines = file === undefined ? [] : readFileSync(file, 'utf8').split('\n').filter(Boolean);
    assert.is(lines.length, draft?.dropped.count);
    assert.is((await repairSpare(path, options(true))).draft, undefined);
  });
