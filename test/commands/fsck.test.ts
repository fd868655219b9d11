import { readFileSync } from 'node:fs';
import { healthyImage } from '../obligations/commands.js';
import { type Ended, fsck, shell } from '../obligations/run-cli.js';
import { hashOf, Workshop } from '../obligations/workshop.js';
import { fixture } from '../support/fixtures.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';

/** The program that fsck(8) calls: its flags, its exit codes, its several devices. */

const test = suite('fsck.dmremap3');
const shop = new Workshop();
test.after(() => shop.cleanUp());

const run = (...args: string[]): Promise<Ended> => fsck(args, { env: shop.env });
const healthy = () => shop.put('healthy.img', healthyImage());
/** One copy is gone: -a makes it whole. */
const lame = (name = 'lame.img') => shop.put(name, healthyImage().fill(0, 0, 4096));

test('flags that correct, alone, joined, and as fsck(8) passes them', async () => {
  for (const flags of [
    ['-a'],
    ['-p'],
    ['-y'],
    ['-af'],
    ['-fpv'],
    ['-a', '-C0'],
    ['-a', '-C', '0'],
    ['-C0', '-a'],
  ]) {
    const path = lame();
    const ended = await run(...flags, path);
    assert.is(ended.code, 1, `${flags.join(' ')}: ${ended.stdout}${ended.stderr}`);
    assert.is(judge(readFileSync(path)).n, 0, flags.join(' '));
    assert.is((await run('-n', path)).code, 0);
  }
});

test('flags that only read', async () => {
  const path = lame();
  const before = hashOf(path);
  for (const flags of [[], ['-n'], ['-nf'], ['-v'], ['-f', '-C', '7']]) {
    const ended = await run(...flags, path);
    assert.is(ended.code, 4, `${flags.join(' ')}: ${ended.stderr}`);
    assert.match(ended.stdout, /copy-damaged/);
  }
  assert.is(hashOf(path), before);
});

test('-C tells a descriptor as e2fsck does, and nobody without a terminal', async () => {
  const path = lame();
  const read = async (...flags: string[]) => {
    const script = 'exec 5>"$1"; shift; $fsck "$@" >/dev/null; echo $?';
    const lines = shop.path('progress');
    const { stdout, stderr } = await shell(script, [lines, ...flags, path], { env: shop.env });
    return { code: stdout.trim(), stderr, lines: readFileSync(lines, 'utf8') };
  };
  for (const flags of [['-C5'], ['-C', '5'], ['-n', '-C5']]) {
    const { code, stderr, lines } = await read(...flags);
    assert.equal([code, stderr], ['4', '']);
    assert.match(lines, new RegExp(`^(1 (\\d+) \\2 ${path}\n)+$`));
  }
  for (const flags of [['-C0'], ['-C-5'], []]) {
    const { code, stderr, lines } = await read(...flags);
    assert.equal([code, stderr, lines], ['4', '', ''], flags.join(' '));
  }
});

test('-C with a descriptor that nobody gave is silent, whatever takes its number later', async () => {
  for (let descriptor = 3; descriptor < 40; descriptor += 3) {
    const path = lame();
    const ended = await run('-a', `-C${descriptor}`, path);
    assert.equal([ended.code, ended.stderr], [1, ''], `-C${descriptor}`);
    assert.is(judge(readFileSync(path)).n, 0);
  }
});

test('an unknown long flag is named as it was typed', async () => {
  const ended = await run('--bogus', healthy());
  assert.is(ended.code, 16);
  assert.match(ended.stderr, 'unknown flag --bogus');
});

test('-a and -p may stand together; other pairs may not', async () => {
  assert.is((await run('-a', '-p', lame())).code, 1);
  for (const flags of [['-n', '-p'], ['-ny'], ['-a', '-y']]) {
    const path = lame();
    const ended = await run(...flags, path);
    assert.equal([ended.code, ended.stdout], [16, ''], flags.join(' '));
    assert.match(ended.stderr, /^fsck\.dmremap3: only one of -a, -p, -n and -y/);
    assert.equal(readFileSync(path), healthyImage().fill(0, 0, 4096));
  }
});

test('wrong command lines', async () => {
  const path = healthy();
  const wrong = [['-z', path], ['-az', path], ['--repair', path], ['-C', 'x', path], ['-C'], ['-a'], []];
  for (const line of wrong) {
    const ended = await run(...line);
    assert.equal([ended.code, ended.stdout], [16, ''], line.join(' '));
    assert.match(ended.stderr, /^fsck\.dmremap3: .*\nfsck\.dmremap3 \[-a/);
    assert.not.match(ended.stderr, /^\s+at /m);
  }
  assert.is((await run('-n', '--', path)).code, 0);
});

test('codes of several devices are OR-ed, and one that fails does not stop the others', async () => {
  const copy = lame('other.img');
  const set = Buffer.alloc(16, 7);
  const other = shop.put('third.img', healthyImage({ set_uuid: set }).fill(0, 0, 4096));
  const ended = await run(
    '-a',
    healthy(),
    shop.path('missing'),
    other,
    shop.put('differs.img', fixture('same-generation-differs')),
  );
  assert.is(ended.code, 1 | 4 | 8, ended.stdout + ended.stderr);
  assert.match(ended.stdout, /healthy\.img: clean/);
  assert.match(ended.stdout, /third\.img: 1 problem corrected/);
  assert.match(ended.stderr, /^fsck\.dmremap3: .*missing: no such file/);
  assert.is(judge(readFileSync(other)).n, 0);
  assert.is((await run(shop.path('missing'), shop.folder)).code, 8 | 16);
  assert.is(judge(readFileSync(copy)).n, 4, 'not named, not touched');
});

test('bad devices', async () => {
  const zeros = shop.sparse('zeros.img', 1 << 20);
  for (const [path, says] of [
    [zeros, /not a DMREMAP3 spare/],
    ['/dev/null', /character device/],
    [shop.sparse('small.img', 100), /100 bytes/],
  ] as const) {
    const ended = await run('-a', path);
    assert.equal([ended.code, ended.stdout], [8, '']);
    assert.match(ended.stderr, says);
  }
});

test('SET= and SPARE= against a loop device', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const set = Buffer.from('f5c00000000040008000000000000001', 'hex');
  const spare = Buffer.from('f5c00000000040008000000000000002', 'hex');
  const image = shop.put('tagged.img', healthyImage({ set_uuid: set, spare_uuid: spare, state: 1 }));
  const loop = shop.loop(image);
  const tag = 'SET=f5c00000-0000-4000-8000-000000000001';
  const found = await run('-n', tag);
  assert.is(found.code, 4, found.stderr);
  assert.match(found.stdout, /state-dirty/);
  assert.is((await run('-a', tag)).code, 1);
  assert.is((await run('-n', 'SPARE=F5C00000-0000-4000-8000-000000000002')).code, 0);
  assert.is(judge(readFileSync(loop)).n, 0);
  const none = await run('-a', 'SET=f5c00000-0000-4000-8000-00000000ffff');
  assert.is(none.code, 8);
  assert.match(none.stderr, /no device of this machine is SET=/);
});
