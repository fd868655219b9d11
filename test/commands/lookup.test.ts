import { healthyImage } from '../obligations/commands.js';
import { shell } from '../obligations/run-cli.js';
import { documentOf } from '../obligations/schemas.js';
import { Workshop } from '../obligations/workshop.js';
import { FROM, SWITCHED, TO } from '../operations/pairs.js';
import { FailingDisk } from '../serve/failing-disk.js';
import { buildImage } from '../support/build-image.js';
import { fixture } from '../support/fixtures.js';
import { assert, needs, suite } from '../support/harness.js';
import { assertRefused } from './changes.js';

/** Where sectors live; the status line; what a search finds: the answers of the smaller reading commands. */

const test = suite('dmremap lookup, status, scan');
const shop = new Workshop();
let spare = '';
let main = '';
test.before(async () => {
  ({ spare, main } = await shop.healthy());
});
test.after(() => shop.cleanUp());

test('sectors, ranges, and counts', async () => {
  const text = await shop.run(['lookup', spare, '7', '6-10', '1000+2', '4094-4095', '0']);
  assert.is(text.code, 0, text.stderr);
  assert.equal(text.stdout.trimEnd().split('\n'), [
    '7 -> 16',
    '6 not remapped',
    '7-9 -> 16-18',
    '10 not remapped',
    '1000 -> 19',
    '1001 not remapped',
    '4094 not remapped',
    '4095 -> 20',
    '0 not remapped',
  ]);
  const json = documentOf(await shop.run(['lookup', spare, '6-10', '--json']), 'lookup');
  assert.equal(json['runs'], [
    { main_sector: 6, count: 1, spare_sector: null },
    { main_sector: 7, count: 3, spare_sector: 16 },
    { main_sector: 10, count: 1, spare_sector: null },
  ]);
});

test('--require', async () => {
  assert.is((await shop.run(['lookup', spare, '--require', '7-9', '1000'])).code, 0);
  assert.is((await shop.run(['lookup', spare, '--require', '6-9'])).code, 4);
  assert.is((await shop.run(['lookup', spare, '6-9'])).code, 0);
});

test('a sector that main does not have is neither remapped nor not', async () => {
  for (const words of [['4096'], ['4095+2'], ['7', '0-9000000']])
    await assertRefused(
      shop,
      ['lookup', spare, ...words],
      'usage',
      /beyond the end of main, whose last is 4095/,
      [spare],
    );
  const damaged = shop.put('lost.img', fixture('flip-each'));
  assert.is((await shop.run(['lookup', damaged, '999999999'])).code, 4, 'main is not known');
});

test('what is no sector', async () => {
  for (const word of ['x', '-1', '9-7', '7+0', '1.5', '0x10', '']) {
    const { code, stderr } = await shop.run(['lookup', spare, '--', word]);
    assert.is(code, 16, `${word}: ${stderr}`);
  }
  for (const word of ['4096', '4095-4096', '9007199254740991', '18446744073709551616']) {
    const { code, stdout, stderr } = await shop.run(['lookup', spare, word]);
    assert.ok(code === 16 || code === 0, `${word}: ${code} ${stdout}${stderr}`);
    assert.not.match(stdout, '->.*4096 ->');
  }
});

test('the status line', async () => {
  const image = healthyImage({
    lost_remaps: 1,
    auto_remaps: 2,
    manual_remaps: 3,
    write_errors: 4,
    read_errors: 5,
  });
  const path = shop.put('counted.img', image);
  const { code, stdout } = await shop.run(['status', path]);
  assert.is(code, 0);
  const expected =
    '0 4096 remap v3.0 5/255 1/255 5/255 health=1 errors=W4:R5 auto_remaps=2 manual_remaps=3 ' +
    'scan=0% persist=enabled last_save=1696195200\n';
  assert.is(stdout, expected);
  const json = await shop.run(['status', path, '--format', 'json']);
  assert.is(json.stdout, (await shop.run(['status', path, '--json'])).stdout);
  const metrics = await shop.run(['status', path, '--format', 'prometheus']);
  const label = `{device="${path}"}`;
  assert.match(metrics.stdout, `# TYPE dmremap_remapped_sectors gauge\ndmremap_remapped_sectors${label} 5\n`);
  assert.match(metrics.stdout, `dmremap_write_errors_total${label} 4\n`);
  for (const line of metrics.stdout.trimEnd().split('\n'))
    assert.match(line, /^(?:# (?:HELP|TYPE) dmremap_\w+ .+|dmremap_\w+\{device="[^"]+"\} \d+)$/);
});

test('health', async () => {
  const health = async (image: Buffer) => {
    const { stdout } = await shop.run(['status', shop.put('health.img', image)]);
    return /health=(\d)/.exec(stdout)?.[1];
  };
  assert.is(await health(healthyImage()), '1');
  assert.is(await health(healthyImage().fill(0, 0, 4096)), '2', 'a copy is damaged');
  assert.is(await health(fixture('redundant-full')), '3', 'no room is left');
  assert.is(await health(fixture('dup-main')), '1', 'the exit code tells that a person must decide');
});

test('a sector with two entries is answered with both, and a warning', async () => {
  const path = shop.put('twice.img', fixture('dup-main'));
  const ended = await shop.run(['lookup', path, '1622306']);
  assert.is(ended.code, 0);
  assert.is(ended.stdout, '1622306 -> 494\n1622306 -> 957\n');
  assert.match(ended.stderr, 'several entries');
  const once = await shop.run(['lookup', path, '5', '5']);
  assert.is(once.stderr, '');
});

test('a search finds sets, clones, and spares without identity', async () => {
  const second = shop.put(
    'second.img',
    healthyImage({ set_uuid: Buffer.alloc(16, 2), spare_uuid: Buffer.alloc(16, 3) }),
  );
  const clone = shop.put(
    'clone.img',
    healthyImage({ set_uuid: Buffer.alloc(16, 2), spare_uuid: Buffer.alloc(16, 3) }),
  );
  const plain = shop.put('plain.img', fixture('plain-some'));
  const line = ['scan', spare, second, clone, plain, main, shop.sparse('zeros.img', 8192)];
  const ended = await shop.run([...line, '--json']);
  const { sets, loose, failures } = documentOf(ended, 'scan');
  assert.equal(failures, []);
  assert.ok(Array.isArray(sets) && Array.isArray(loose));
  if (!Array.isArray(sets) || !Array.isArray(loose)) return;
  assert.equal(
    sets.map(({ active }) => active),
    [spare, null],
  );
  assert.equal(sets[1]?.findings, [{ kind: 'clone', devices: [second, clone] }]);
  assert.equal(
    loose.map(({ device }) => device),
    [plain],
  );
  const text = await shop.run(line);
  assert.is(text.code, ended.code);
  assert.match(text.stdout, /SET=11111111-2222-3333-4444-555555555555/);
  assert.match(text.stdout, /clones, or two paths to one disk/);
});

test('a search tells who is retired for whom, and what to type works on images, too', async () => {
  const [from, to] = [shop.put('from 1.img', buildImage(FROM)), shop.put('to.img', buildImage(SWITCHED))];
  const both = await shop.run(['scan', from, to]);
  assert.match(both.stdout.replace(/\s+/g, ' '), `${from} is retired: the set moved to ${to}.`);
  for (const line of [
    ['scan', from, to],
    ['scan', from],
    ['scan', to],
    ['scan', from, shop.put('to.img', buildImage(TO))],
  ]) {
    const { stdout } = await shop.run(line);
    const [, next = ''] = /^next: dmremap (.*)$/m.exec(stdout) ?? [];
    const { code, stderr } = await shell(`$dmremap ${next}`, [], { env: shop.env });
    assert.ok(code === 0 || code === 1, `${next}: ${code} ${stderr}`);
  }
  const alone = await shop.run(['scan', shop.put('alone.img', buildImage(FROM))]);
  assert.match(alone.stdout.replace(/\s+/g, ' '), /the set moved to SPARE=70707070-\S+, which is not here/);
});

test('of a device that cannot be read nobody knows whether it is a spare', async () => {
  needs('root', 'nbdkit', 'nbdfuse', '/dev/fuse', 'losetup', '/dev/loop-control');
  const size = 65_536;
  const disk = await FailingDisk.start(shop, shop.sparse('content.img', size), size);
  disk.set({ read: [0, size] });
  const loop = shop.loop(disk.path, '--read-only');
  for (const line of [['scan', loop], ['scan']]) {
    const { code, stdout, stderr } = await shop.run(line);
    assert.ok(code !== null && (code & 8) !== 0, `${line.join(' ')}: ${code}`);
    assert.match(stderr, `dmremap scan: ${loop}: `);
    if (line.length > 1) assert.is(stdout, 'no DMREMAP3 spare was found on what could be read\n');
  }
});

test('what is printed for later use holds tags, never a device name', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const uuid = '5ca10000-0000-4000-8000-000000000001';
  const image = healthyImage({ set_uuid: Buffer.from(uuid.replaceAll('-', ''), 'hex'), state: 1 });
  const loop = shop.loop(shop.put('loop.img', image));
  const { code, stdout } = await shop.run(['scan']);
  assert.ok(code !== null && (code & 4) !== 0, 'a dirty set is a problem');
  assert.match(stdout, `SET=${uuid}`);
  const next = stdout.split('\n').filter((line) => line.startsWith('next: '));
  assert.ok(next.length > 0 && next.every((line) => !line.includes('/dev/')), next.join());
  const tagged = await shop.run(['status', `SET=${uuid}`]);
  assert.is(tagged.code, 4, tagged.stderr);
  const named = await shop.run(['status', loop]);
  assert.is(named.stdout, tagged.stdout);
});
