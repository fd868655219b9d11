import { HEALTHY_ENTRIES, healthyImage, MAIN_SECTORS } from '../obligations/commands.js';
import { fsck } from '../obligations/run-cli.js';
import { documentOf } from '../obligations/schemas.js';
import { fingerprint, patient, Workshop } from '../obligations/workshop.js';
import { buildImage, endPlace, patchSealed } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { assertRefused } from './changes.js';

/** What a newer program wrote is shown by info and left alone by everything else. */

const test = suite('sets of the future');
const slow = patient(test);
const shop = new Workshop();
let dump = '';
let main = '';
test.before(async () => {
  ({ dump, main } = await shop.healthy());
});
test.after(() => shop.cleanUp());

const COUNT = String(HEALTHY_ENTRIES.length);

const FUTURE: readonly (readonly [title: string, problem: string, make: (image: Buffer) => void])[] = [
  ['another version', 'version-unknown', (image) => patchSealed(image, 'both', 'version', 2)],
  [
    'another version of one copy',
    'version-unknown',
    (image) => patchSealed(image, endPlace(image), 'version', 2),
  ],
  [
    'an unknown feature',
    'incompat-unknown',
    (image) => patchSealed(image, 'both', 'incompat_flags', 0x8000_0000),
  ],
  ['an unknown role', 'role-unknown', (image) => patchSealed(image, 'both', 'role', 3)],
];

for (const [title, problem, make] of FUTURE) {
  slow(title, async () => {
    const image = healthyImage();
    make(image);
    const spare = shop.put('future.img', image);
    const before = fingerprint(spare);
    for (const line of [
      ['info', spare],
      ['check', spare],
      ['check', '-p', spare],
      ['check', '-y', spare],
    ]) {
      const ended = await shop.run([...line, '--json']);
      assert.is(ended.code, 8, line.join(' '));
      assert.match(JSON.stringify(documentOf(ended, line[0] ?? '')), problem);
    }
    assert.is((await fsck(['-a', spare], { env: shop.env })).code, 8);
    const refusals = [
      ['dump', spare],
      ['lookup', spare, '7'],
      ['restore', spare, '--input', dump, '--same-device', '--accept-guess', '--yes'],
      ['wipe', spare, '--discard-remaps', COUNT, '--yes'],
      ['create', spare, '--main-size', '1G', '--discard-remaps', COUNT, '--force', '--yes'],
      ['dump', spare, '--copy', 'backup'],
      ['dump', spare, '-o', shop.path('out.json')],
      ['status', spare],
      ['table', spare, '--main', main],
    ];
    // one place decides it for all commands: each is asked once, the first few about every image
    for (const line of title === 'another version' ? refusals : refusals.slice(0, 4)) {
      const error = await assertRefused(shop, line, 'unsupported', /does not know|unknown/, [spare]);
      assert.is(error['problem'], problem, line.join(' '));
    }
    assert.is(fingerprint(spare), before);
  });
}

slow('retired and incomplete spares take no table and no restore', async () => {
  for (const [role, code, says] of [
    [1, 'incomplete', /has not ended/],
    [2, 'retired', /moved to spare/],
  ] as const) {
    const peer = Buffer.alloc(16, 7);
    const spare = shop.put('passive.img', healthyImage({ role, peer_uuid: peer, migration_cursor: 5 }));
    for (const line of [
      ['table', spare, '--main', main],
      ['restore', spare, '--input', dump, '--accept-guess', '--yes'],
    ]) {
      const error = await assertRefused(shop, line, code, says, [spare]);
      assert.is(error['peer_uuid'], '07070707-0707-0707-0707-070707070707');
    }
    const { code: verdict } = await shop.run(['check', spare]);
    assert.is(verdict, role === 1 ? 4 : 0);
  }
});

slow('what only looks like a newer set is data where an entry uses it', async () => {
  // the last data sectors of a plain spare hold a guest's own image, end and all
  const inner = healthyImage();
  patchSealed(inner, 'both', 'version', 2);
  const sectors = inner.length / SECTOR;
  const outer = buildImage({
    layout: 'plain',
    sectors,
    maxEntries: 255,
    mainSectors: MAIN_SECTORS,
    entries: [[7, sectors - 8]],
  });
  inner.copy(outer, outer.length - SECTOR * 8, inner.length - SECTOR * 8);
  const spare = shop.put('data.img', outer);
  const { code, stdout } = await shop.run(['check', spare]);
  assert.is(code, 0, stdout);
  for (const line of [
    ['dump', spare],
    ['lookup', spare, '7'],
    ['wipe', spare, '--discard-remaps', '1', '--yes'],
  ]) {
    const ended = await shop.run(line);
    assert.is(ended.code, 0, ended.stderr);
  }
});
