import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { documentOf } from '../obligations/schemas.js';
import { fingerprint, patient, Workshop } from '../obligations/workshop.js';
import { patch, patchEntry, seal } from '../support/build-image.js';
import { fixture } from '../support/fixtures.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { decideByFlags, TO_DECIDE, withoutTimes } from './repairs.js';

/** repair without a terminal: what it takes, what it leaves, what it prints to be typed. */

const test = suite('repair by flags');
const slow = patient(test);
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const LOOKING: readonly (readonly string[])[] = [['--dry-run'], ['--yes', '--dry-run'], ['--plan']];

for (const name of [
  'dup-main',
  'flip-each',
  'grown',
  'same-generation-differs',
  'stale-primary',
  'plain-some',
])
  slow(`${name}: looking changes no byte`, async () => {
    const spare = shop.put('spare.img', fixture(name));
    const before = fingerprint(spare);
    for (const flags of LOOKING) {
      const more = flags.includes('--plan') ? ['--plan', shop.path('plan.json')] : flags;
      const { code } = await shop.run(['repair', spare, ...more]);
      assert.ok(code === 0 || code === 4, `${flags}: ${code}`);
      assert.is(fingerprint(spare), before, flags.join(' '));
    }
    assert.not.ok(existsSync(shop.state), 'nor is an undo file begun');
  });

slow('without a terminal and without --yes: 16', async () => {
  for (const name of ['dup-main', 'same-generation-differs', 'stale-primary']) {
    const spare = shop.put('spare.img', fixture(name));
    const before = fingerprint(spare);
    const ended = await shop.run(['repair', spare, '--json'], { input: '1\ny\n' });
    assert.is(documentOf(ended, 'repair')['exit_code'], 16);
    assert.is(fingerprint(spare), before);
  }
});

slow('--yes takes what is proven, and no guess', async () => {
  const proven = shop.put('proven.img', fixture('flip-each'));
  assert.is((await shop.run(['repair', proven, '--yes'])).code, 1);
  assert.is(judge(readFileSync(proven)).n, 0);
  assert.is((await shop.run(['repair', proven, '--yes'])).code, 0, 'nothing is left to do');

  const guess = shop.put('guess.img', fixture('same-generation-differs'));
  const before = fingerprint(guess);
  const document = documentOf(await shop.run(['repair', guess, '--yes', '--json']), 'repair');
  assert.equal([document['exit_code'], document['applied']], [4, false]);
  const [{ id } = { id: '' }] = document['candidates'] as { id: string }[];
  assert.is(
    (await shop.run(['repair', guess, '--candidate', id, '--yes'])).code,
    4,
    'a guess has to be accepted',
  );
  assert.is(fingerprint(guess), before);
  assert.is((await shop.run(['repair', guess, '--candidate', id, '--accept-guess', '--yes'])).code, 1);
  assert.is(judge(readFileSync(guess)).n, 0);
});

slow('what nobody asked or offers is refused: 16, and nothing is done', async () => {
  const spare = shop.put('spare.img', fixture('dup-main'));
  const before = fingerprint(spare);
  for (const flags of [
    ['--candidate', 'one-bit-00000000'],
    ['--answer', 'main-duplicate=keep-7'],
    ['--answer', 'main-dupl=drop'],
    ['--answer', 'main-duplicate=drop', '--answer', 'main-duplicate=leave'],
    ['--answer', 'drop'],
  ]) {
    const ended = await shop.run(['repair', spare, ...flags, '--yes', '--json']);
    assert.is(documentOf(ended, 'repair')['exit_code'], 16, flags.join(' '));
  }
  assert.is(fingerprint(spare), before);
  const more = ['--answer', 'spare-shared=drop', '--answer', 'main-duplicate=drop'];
  const ended = await shop.run(['repair', spare, ...more, '--yes']);
  assert.is(ended.code, 1);
  assert.match(ended.stderr, 'nothing asks about spare-shared');
});

slow('a guess that is named and not accepted leaves nothing else to be taken in its place', async () => {
  const image = fixture('flip-each');
  const spare = shop.put('spare.img', image);
  const looked = documentOf(await shop.run(['repair', spare, '--dry-run', '--json']), 'repair');
  const candidates = looked['candidates'] as { id: string; certainty: string }[];
  const guess = candidates.find(({ certainty }) => certainty === 'guess');
  assert.ok(candidates.some(({ certainty }) => certainty === 'proven'));
  assert.is((await shop.run(['repair', spare, '--candidate', guess?.id ?? '', '--yes'])).code, 4);
  assert.ok(readFileSync(spare).equals(image));
});

slow('the content of a dump that is chosen is the one that is edited, written and kept', async () => {
  const image = fixture('redundant-some');
  const spare = shop.put('spare.img', image);
  const dump = shop.path('dump.json');
  assert.is((await shop.run(['dump', spare, '-o', dump])).code, 0);
  const before = await shop.run(['dump', spare, '--format', 'csv']);
  // ten generations on, two entries have one main sector
  patch(image, 'both', 'generation', 11);
  patchEntry(image, 'both', 1, [image.readUIntLE(4096, 6), image.readUIntLE(4096 + 24, 6)]);
  seal(image, 'both');
  shop.put('spare.img', image);
  const line = ['repair', spare, '--from-dump', dump];
  const looked = documentOf(await shop.run([...line, '--yes', '--json']), 'repair');
  const chosen = (looked['candidates'] as { id: string }[]).find(({ id }) => id.startsWith('dump-'));
  const taken = [...line, '--candidate', chosen?.id ?? '', '--accept-guess', '--yes', '--json'];
  assert.is((await shop.run([...taken, '--no-undo'])).code, 8, 'the copy that counts is overwritten');
  const document = documentOf(await shop.run(taken), 'repair');
  assert.equal([document['exit_code'], document['remaining']], [1, []]);
  assert.is((document['dropped'] as unknown[]).length, 1, 'what the dump does not have');
  const after = await shop.run(['dump', spare, '--format', 'csv']);
  assert.equal(after.stdout.split('\n').slice(1), before.stdout.split('\n').slice(1));
  assert.ok(readFileSync(spare).readUInt32LE(60) > 11, 'no generation is given twice');
});

slow('beside a copy that counts the dump of another spare is not offered', async () => {
  const other = shop.put('other.img', fixture('plain-some'));
  const dump = shop.path('other.json');
  assert.is((await shop.run(['dump', other, '-o', dump])).code, 0);
  const spare = shop.put('spare.img', fixture('dup-main'));
  const looked = documentOf(
    await shop.run(['repair', spare, '--from-dump', dump, '--yes', '--json']),
    'repair',
  );
  assert.is((looked['candidates'] as unknown[]).length, 1);
});

slow('what is dropped is in a file that restore can read, and in the undo file', async () => {
  const image = fixture('dup-main');
  const spare = shop.put('spare.img', image);
  const ended = await shop.run(['repair', spare, '--answer', 'main-duplicate=drop', '--yes', '--json']);
  const document = documentOf(ended, 'repair');
  assert.is(document['exit_code'], 1, ended.stderr);
  const dump = JSON.parse(readFileSync(String(document['dropped_file']), 'utf8'));
  assert.equal(dump.entries, JSON.parse(JSON.stringify(document['dropped'])));
  assert.equal([dump.valid, dump.complete, dump.entries.length], [false, true, 2]);
  assert.is((await shop.run(['undo', spare, '--yes'])).code, 8, 'live entries would come back');
  const undo = String(document['undo_file']);
  assert.ok(readdirSync(shop.state).some((name) => undo.endsWith(name)));
});

slow('a plan is carried out only on what it was made for', async () => {
  const image = fixture('dup-main');
  const spare = shop.put('spare.img', image);
  const plan = shop.path('plan.json');
  const line = ['repair', spare, '--answer', 'main-duplicate=keep-494'];
  assert.is((await shop.run([...line, '--plan', plan])).code, 0);
  assert.ok(readFileSync(spare).equals(image));
  assert.is((await shop.run([...line, '--plan', plan])).code, 16, 'no file is replaced');
  assert.is((await shop.run([...line, '--plan', plan, '--overwrite'])).code, 0);

  const other = shop.put('other.img', fixture('redundant-some'));
  const larger = shop.put('larger.img', Buffer.concat([image, Buffer.alloc(4096)]));
  for (const [path, code] of [
    [other, 'changed-since'],
    [larger, 'wrong-device'],
  ] as const) {
    const ended = await shop.run(['repair', path, '--apply', plan, '--yes', '--json']);
    assert.match(JSON.stringify(documentOf(ended, 'repair')['error']), code);
  }
  const cut = shop.put('cut.json', readFileSync(plan).subarray(0, -20));
  assert.is((await shop.run(['repair', spare, '--apply', cut, '--yes'])).code, 16);
  assert.ok(readFileSync(spare).equals(image));

  assert.is((await shop.run(['repair', spare, '--apply', plan])).code, 16, 'it asks');
  assert.is((await shop.run(['repair', spare, '--apply', plan, '--yes'])).code, 1);
  const applied = readFileSync(spare);
  assert.is(judge(applied).n, 0);
  assert.is((await shop.run(['repair', spare, '--apply', plan, '--yes'])).code, 8, 'once');
  const direct = shop.put('direct.img', image);
  await shop.run(['repair', direct, '--answer', 'main-duplicate=keep-494', '--yes']);
  assert.ok(withoutTimes(readFileSync(direct)).equals(withoutTimes(applied)));
});

slow('where the undo file finds no room nothing is written, and nothing is said to be dropped', async () => {
  const image = fixture('dup-main');
  const spare = shop.put('spare.img', image);
  const folder = shop.path('small');
  mkdirSync(folder);
  const unmount = shop.mount('-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', folder);
  try {
    const undo = `${folder}/u.undo`;
    const line = ['repair', spare, '--answer', 'main-duplicate=drop', '--undo-file', undo, '--yes', '--json'];
    const { error } = documentOf(await shop.run(line), 'repair');
    assert.match(JSON.stringify(error), 'undo-unavailable');
    assert.equal(readdirSync(folder), []);
    assert.ok(readFileSync(spare).equals(image));
  } finally {
    unmount();
  }
});

/** A plan file after a change, its own checksum made right again. */
function forged(text: string, change: (plan: PlanJson) => void): string {
  const { sha256: _, ...plan } = JSON.parse(text) as PlanJson;
  change(plan);
  const sha256 = createHash('sha256').update(JSON.stringify(plan)).digest('hex');
  return JSON.stringify({ ...plan, sha256 });
}

interface PlanJson {
  readonly sha256?: string;
  readonly steps: { readonly writes: { byte: number }[] }[];
}

slow('a plan that was changed, or writes where it must not, is refused and nothing is done', async () => {
  const image = fixture('dup-main');
  const spare = shop.put('spare.img', image);
  const plan = shop.path('plan.json');
  await shop.run(['repair', spare, '--answer', 'main-duplicate=drop', '--plan', plan]);
  const text = readFileSync(plan, 'utf8');
  const moved = (byte: number) => (json: PlanJson) => {
    for (const { writes } of json.steps) for (const write of writes) write.byte = byte;
  };
  const nothing = createHash('sha256').digest('hex');
  for (const [changed, error] of [
    [text.replace('"complete"', '"complete" '), undefined],
    [text.replace(/AAAAAAAA/, 'AAAAAAAB'), 'usage'],
    [forged(text, moved(image.length)), 'wrong-device'],
    [forged(text, moved(3)), 'wrong-device'],
    [forged(text, moved(2 ** 52)), 'wrong-device'],
    [forged(text, moved(512_000)), 'changed-since'],
    [forged(text, (json) => Object.assign(json, { saw: nothing })), 'changed-since'],
    ['null', 'usage'],
    ['['.repeat(100_000), 'usage'],
  ] as const) {
    const path = shop.put('changed.json', Buffer.from(changed));
    const flags = error === undefined ? ['--dry-run'] : ['--yes', '--json'];
    const ended = await shop.run(['repair', spare, '--apply', path, ...flags]);
    if (error === undefined) assert.is(ended.code, 0, ended.stderr);
    else assert.match(JSON.stringify(documentOf(ended, 'repair')['error']), error);
    assert.ok(readFileSync(spare).equals(image));
  }
  assert.is((await shop.run(['repair', spare, '--apply', '/dev/zero', '--yes'])).code, 16, 'it has no end');
});

slow('a plan says again that it is a guess', async () => {
  const spare = shop.put('spare.img', fixture('same-generation-differs'));
  const plan = shop.path('plan.json');
  const looked = documentOf(await shop.run(['repair', spare, '--yes', '--json']), 'repair');
  const [{ id } = { id: '' }] = looked['candidates'] as { id: string }[];
  await shop.run(['repair', spare, '--candidate', id, '--accept-guess', '--plan', plan]);
  const { stderr } = await shop.run(['repair', spare, '--apply', plan, '--dry-run']);
  assert.match(stderr, 'this is a guess');
});

slow('a header that is lost is made anew from a dump, or from main and what looks like a table', async () => {
  const { spare, main, dump } = await shop.healthy();
  const image = readFileSync(spare);
  const lost = Buffer.from(image);
  lost.fill(0, 0, 4096).fill(0, lost.length - 4096);
  const path = shop.put('lost.img', lost);
  const alone = documentOf(await shop.run(['repair', path, '--yes', '--json']), 'repair');
  assert.match(JSON.stringify(alone['error']), 'not-dmremap3');
  const undecided = documentOf(await shop.run(['repair', path, '--main', main, '--yes', '--json']), 'repair');
  assert.is(undecided['exit_code'], 4, 'a guess waits');
  for (const flags of [
    ['--main', main],
    ['--from-dump', dump],
  ]) {
    shop.put('lost.img', lost);
    const { code } = await decideByFlags(shop, path, flags);
    assert.is(code, 1, flags.join(' '));
    assert.is(judge(readFileSync(path)).n, 0);
    const before = documentOf(await shop.run(['lookup', spare, '7', '1000', '--json']), 'lookup');
    const after = documentOf(await shop.run(['lookup', path, '7', '1000', '--json']), 'lookup');
    assert.equal(after['sectors'], before['sectors']);
  }
});

/** Of every damage: what is printed to be typed ends it, and a second run finds nothing more to do. */
for (const [number, { id, image }] of TO_DECIDE.entries())
  slow(`${number} ${id}: the lines that are printed lead to an end`, async () => {
    const spare = shop.put('spare.img', image);
    const { code, flags } = await decideByFlags(shop, spare);
    if (code === 8 || code === 4) {
      assert.ok(readFileSync(spare).equals(image), 'untouched');
      return;
    }
    assert.ok(code === 1 || code === 5 || code === 0, `${code}`);
    const settled = readFileSync(spare);
    if (code === 1) assert.is(judge(settled).n, 0);
    const again = await shop.run(['repair', spare, ...flags, '--yes']);
    if (code === 1) assert.is(again.code, 0, again.stdout);
    assert.ok(readFileSync(spare).equals(settled), 'the second run changes nothing');
  });
