import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hashOf, patient, Workshop } from '../obligations/workshop.js';
import { spareOn } from '../operations/migrate/judge-pair.js';
import { changed, FROM, FROM_UUID, TO, TO_UUID } from '../operations/pairs.js';
import { FailingDisk } from '../serve/failing-disk.js';
import { buildImage, type ImageSpec } from '../support/build-image.js';
import { SECTOR, u32 } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';

/** Two spares between steps 4 and 5 of format.md section 8, each alone and both: what every command makes of them. */

const test = suite('dmremap, between the retirement of FROM and the activation of TO');
const slow = patient(test);
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

function image(spec: ImageSpec): Buffer {
  const made = buildImage(spec);
  for (const [main, spare] of spec.entries ?? [])
    made.fill(Number(main), Number(spare) * SECTOR, (Number(spare) + 1) * SECTOR);
  return made;
}

const pair = (from: ImageSpec = FROM, to: ImageSpec = TO): readonly [from: string, to: string] => [
  shop.put('from.img', image(from)),
  shop.put('to.img', image(to)),
];

const shown = (path: string) => [...(spareOn(readFileSync(path))?.data ?? [])].sort(([a], [b]) => a - b);
const roles = (...paths: readonly string[]) => paths.map((path) => u32(readFileSync(path), 'role'));
const flat = (text: string) => text.replaceAll(' \\\n', ' ').replaceAll(/\s+/g, ' ');
const uuidText = (bytes: Buffer) =>
  bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

slow('each alone: it is read, and refused for all else, naming the other; no byte changes', async () => {
  const [from, to] = pair();
  const main = shop.sparse('main.img', 4096 * SECTOR);
  const blank = shop.sparse('blank.img', 4096 * SECTOR);
  const before = [from, to, blank].map(hashOf);
  for (const [device, peer, reads] of [
    [from, uuidText(TO_UUID), 0],
    [to, uuidText(FROM_UUID), 4],
  ] as const) {
    for (const line of [['info'], ['check'], ['check', '-p'], ['check', '-y']]) {
      const { code, stdout } = await shop.run([...line, device]);
      assert.is(code, reads, `${line.join(' ')}: ${stdout}`);
      assert.ok(flat(stdout).includes(peer), `${line.join(' ')}: ${stdout}`);
    }
    for (const line of [
      ['serve', device, '--main', main],
      ['serve', device, '--main', main, '--read-only'],
      ['table', device, '--main', main],
      ['remap', device, '--main', main, '7', '--yes'],
      ['unremap', device, '--main', main, '100', '--yes'],
      ['resize', device, '--entries', '300', '--yes'],
      ['convert', device, '--layout', 'plain', '--yes'],
      ['wipe', device, '--yes'],
      ['migrate', device, blank, '--yes'],
      ['migrate', device, blank, '--resume', '--yes'],
      ['migrate', device, blank, '--rollback', '--yes'],
    ]) {
      const { code, stderr } = await shop.run(line);
      assert.is(code, 8, `${line.join(' ')}: ${stderr}`);
      assert.ok(flat(stderr).includes(peer), `${line.join(' ')}: ${stderr}`);
    }
  }
  assert.equal([from, to, blank].map(hashOf), before);
});

slow('both: check -p and --resume end the switch, --rollback goes back', async () => {
  for (const [line, code, active] of [
    [['check', '-p'], 1, 'to'],
    [['migrate', '--yes', '--resume'], 0, 'to'],
    [['migrate', '--yes', '--rollback'], 0, 'from'],
  ] as const) {
    const [from, to] = pair();
    const data = shown(from);
    const done = await shop.run([...line, from, to]);
    assert.is(done.code, code, done.stderr);
    assert.equal(roles(from, to), active === 'to' ? [2, 0] : [0, 2]);
    assert.equal(shown(active === 'to' ? to : from), data);
    assert.is((await shop.run(['check', from, to])).code, 0);
  }
});

slow('a FROM of which a copy may still say that it is active keeps TO from being activated', async () => {
  needs('root', 'nbdkit', 'nbdfuse', '/dev/fuse');
  const content = image(FROM);
  content.fill(0xee, 60, 64);
  const disk = await FailingDisk.start(shop, shop.put('from.img', content), content.length);
  const to = shop.put('to.img', image(TO));
  const before = hashOf(to);
  disk.set({ write: [0, 4096] });
  const { code, stderr } = await shop.run(['migrate', disk.path, to, '--resume', '--yes']);
  assert.is(code, 8, stderr);
  assert.match(flat(stderr), /to go on: dmremap migrate \S+ \S+ --resume/);
  assert.is(hashOf(to), before);
  const abandoned = await shop.run(['migrate', disk.path, to, '--resume', '--abandon-source', '--yes']);
  assert.is(abandoned.code, 0, abandoned.stderr);
  assert.equal(roles(to), [0]);
});

for (const command of ['check', 'serve'])
  slow(`where both are attached, the set is named to ${command} as after any power cut`, async () => {
    needs('root', 'losetup', '/dev/loop-control');
    // tags are looked for on the whole machine
    const [set_uuid, one, other] = Array.from({ length: 3 }, () => randomBytes(16)) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    const [from, to] = pair(
      changed(FROM, { mainSectors: 4096, fields: { set_uuid, spare_uuid: one, peer_uuid: other } }),
      changed(TO, { mainSectors: 4096, fields: { set_uuid, spare_uuid: other, peer_uuid: one } }),
    );
    const data = shown(from);
    const main = shop.sparse('main.img', 4096 * SECTOR);
    const loop = shop.loop(from);
    shop.loop(to);
    assert.is((await shop.run(['serve', loop, '--main', main])).code, 8);
    assert.equal(roles(from, to), [2, 1]);
    const set = `SET=${uuidText(set_uuid)}`;
    const line = command === 'check' ? ['check', '-p', set] : ['serve', set, '--main', main, '--run', 'true'];
    const { code, stderr, stdout } = await shop.run(line);
    assert.is(code, command === 'check' ? 1 : 0, stdout + stderr);
    assert.equal(roles(from, to), [2, 0]);
    assert.equal(shown(to), data);
  });

/** FROM is retired for TO, and TO has everything, but not the generation in which that was. */
const UNSETTLED = changed(FROM, { generation: 9 });

slow('where no spare is active although all data is there, the line that is told settles it', async () => {
  for (const choice of ['--resume', '--rollback']) {
    const [from, to] = pair(UNSETTLED);
    const data = shown(from);
    const before = [from, to].map(hashOf);
    const looked = await shop.run(['check', '-p', from, to]);
    assert.is(looked.code, 4);
    const there = [`migrate ${from} ${to} --resume`, `migrate ${from} ${to} --rollback`];
    assert.ok(flat(looked.stdout).includes(`dmremap ${there[0]}`), looked.stdout);
    assert.equal(await toldLines(from, to), there);
    assert.equal(await toldLines(to, from), [`migrate ${to} ${from} --rollback`, there[1]]);
    assert.equal([from, to].map(hashOf), before);
    const done = await shop.run(['migrate', from, to, choice, '--yes']);
    assert.is(done.code, 0, done.stderr);
    const isGoneOn = choice === '--resume';
    assert.equal(shown(isGoneOn ? to : from), data);
    assert.equal(
      isGoneOn ? roles(from, to) : [...roles(from), judge(readFileSync(to)).n],
      isGoneOn ? [2, 0] : [0, 8],
    );
    assert.is((await shop.run(['check', isGoneOn ? to : from])).code, 0);
  }
});

/** What can be typed next, as a refusal says it. */
async function toldLines(from: string, to: string): Promise<readonly (string | undefined)[]> {
  const { code, stderr } = await shop.run(['migrate', from, to, '--yes']);
  assert.is(code, 8, stderr);
  assert.match(flat(stderr), /neither is active; all data is on .*from\.img/);
  return [...flat(stderr).matchAll(/dmremap (migrate \S+ \S+ --\w+)/g)].map(([, one]) => one);
}

slow('the same on the way back', async () => {
  const [from, to] = pair(UNSETTLED);
  const data = shown(from);
  const done = await shop.run(['migrate', to, from, '--rollback', '--yes']);
  assert.is(done.code, 0, done.stderr);
  assert.equal(roles(from, to), [2, 0]);
  assert.equal(shown(to), data);
  assert.is((await shop.run(['check', from, to])).code, 0);
});
