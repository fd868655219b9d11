import { endPlace } from '../../support/build-image.js';
import { assert, suite } from '../../support/harness.js';
import { backupTable, dumpOf, entriesOf, flip, found, isContentOf, proven, spare, spoil } from './scenes.js';

/** What a dump or an undo file is worth: it stands in for the odds, of its own generation only. */

const test = suite('reconstruct with witnesses');

const large = { entries: entriesOf(1000) };

test('a dump of the generation proves what is too large to be proven by a bit', () => {
  const whole = spare('plain', large);
  const image = Buffer.from(whole);
  flip(image, 4096 + 3000);
  assert.is(proven(image), undefined);
  const candidate = proven(image, [dumpOf(whole, 'spare.json')]);
  assert.ok(isContentOf(candidate, whole));
  assert.ok(candidate?.why.includes('spare.json'), candidate?.why);
});

test('a dump proves what a checksum that is left says, whatever became of the table', () => {
  const whole = spare('plain', large);
  const image = Buffer.from(whole);
  image.fill(0xa5, 4096, 4096 + 9000);
  flip(image, 17);
  flip(image, 49);
  assert.is(proven(image), undefined);
  const candidate = proven(image, [dumpOf(whole)]);
  assert.is(candidate?.kind, 'witness');
  assert.ok(isContentOf(candidate, whole));
});

test('a dump of another generation proves nothing', () => {
  const older = spare('plain', { ...large, generation: 6 });
  const image = spare('plain', { ...large, generation: 7 });
  flip(image, 4096 + 3000);
  assert.is(proven(image, [dumpOf(older)]), undefined);
  // the same entries under another header
  const [candidate] = found(image, [dumpOf(older)]);
  assert.is(candidate?.generation, 7);
});

test('where the header is lost a dump is a guess: nothing says that its generation was the last', () => {
  const whole = spare('plain');
  const image = Buffer.from(whole);
  image.fill(0, 0, 4096);
  assert.equal(found(image), []);
  const [candidate, other] = found(image, [dumpOf(whole)]);
  assert.is(candidate?.kind, 'other-header');
  assert.is(candidate?.proven, false);
  assert.ok(isContentOf(candidate, whole));
  assert.is(other, undefined);
  // and where the table has changed since, the dump does not even fit
  flip(image, 4096 + 5);
  assert.equal(found(image, [dumpOf(whole)]), []);
});

test('where the backup knows the checksum the lost primary costs nothing', () => {
  const whole = spare('redundant', large);
  const image = Buffer.from(whole);
  image.fill(0, 0, 4096);
  spoil(image, backupTable(image) + 16);
  const candidate = proven(image);
  assert.is(candidate?.kind, 'mixture');
  assert.ok(isContentOf(candidate, whole));
  assert.equal(candidate?.fits, ['backup']);
});

test('an older dump does not stand before what the copies say', () => {
  const older = spare('redundant', { generation: 6, entries: entriesOf(199) });
  const whole = spare('redundant', { generation: 7 });
  const image = Buffer.from(whole);
  // the primary's header was never written in generation 7, and its table is damaged
  older.copy(image, 0, 0, 4096);
  spoil(image, 4096 + 512);
  spoil(image, endPlace(image) + 20);
  const [candidate] = found(image, [dumpOf(older)]);
  assert.is(candidate?.generation, 6);
  assert.is(candidate?.proven, true);
  // the backup claims the next generation: an update in flight
  assert.equal(
    candidate?.problems.map(({ id }) => id),
    ['copy-damaged'],
  );
});
