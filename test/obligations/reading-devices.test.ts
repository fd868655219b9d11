import { readFileSync } from 'node:fs';
import { assert, needs, suite } from '../support/harness.js';
import { healthyImage, readingLines, type Things } from './commands.js';
import { DMREMAP, type Ended, FSCK, runProgram } from './run-cli.js';
import { fingerprint, hashOf, patient, Workshop } from './workshop.js';

/** Reading commands write nothing: not to images, not to devices, and they do not even ask for it. */

const test = suite('obligations: readers open nothing for writing');
const slow = patient(test);
const shop = new Workshop();
let healthy: Things = { spare: '', main: '', target: '', dump: '', control: '' };
/** Wants a correction that check -p would make. */
let damaged: Things = healthy;
test.before(async () => {
  healthy = await shop.healthy();
  damaged = { ...healthy, spare: shop.put('damaged.img', damagedImage()) };
});
test.after(() => shop.cleanUp());

/** The healthy spare with its primary gone. */
function damagedImage(): Buffer {
  const image = healthyImage();
  image.fill(0, 0, 4096);
  return image;
}

/** What a line ends with on the damaged spare, which has one valid copy. */
function codeOnDamaged([command]: readonly string[]): number {
  return ['check', 'info', 'status', 'scan'].includes(command ?? '') ? 4 : 0;
}

const isOfPrimary = (line: readonly string[]) => line.includes('primary');

slow('a healthy image', async () => {
  const before = [healthy.spare, healthy.main].map(fingerprint);
  for (const line of readingLines(healthy)) {
    const { code, stderr } = await shop.run(line);
    assert.is(code, 0, `${line.join(' ')}: ${stderr}`);
    assert.equal([healthy.spare, healthy.main].map(fingerprint), before, line.join(' '));
  }
});

slow('read-only loop devices', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const main = shop.loop(healthy.main, '--read-only');
  const spare = shop.loop(damaged.spare, '--read-only');
  const before = hashOf(spare);
  for (const line of readingLines({ ...damaged, spare, main })) {
    const { code, stderr } = await shop.run(line);
    assert.is(code, isOfPrimary(line) ? 4 : codeOnDamaged(line), `${line.join(' ')}: ${stderr}`);
  }
  for (const flag of ['-p', '-y']) {
    const { code, stderr } = await shop.run(['check', flag, spare]);
    assert.is(code, 8, stderr);
    assert.match(stderr, /cannot be written: the device is read-only/);
  }
  assert.is(hashOf(spare), before);
});

/** Lines of strace for calls that open a file so that it can be written. */
function opensForWriting(trace: string): string[] {
  return trace
    .split('\n')
    .filter((line) => /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|\bcreat\(/.test(line))
    .filter((line) => !/"\/dev\/(?:null|tty)"/.test(line));
}

/** Runs it under strace; nothing at all is opened for writing, and the device is seen to be opened. */
async function assertReadsOnly(command: readonly string[], device: string | undefined): Promise<Ended> {
  const log = shop.path('strace.log');
  const trace = ['strace', '-f', '-o', log, '-e', 'trace=open,openat,openat2,creat', '-s', '512'];
  const ended = await runProgram([...trace, ...command], { env: shop.env });
  const told = command.slice(1).join(' ');
  const text = readFileSync(log, 'utf8');
  assert.equal(opensForWriting(text), [], told);
  if (device !== undefined) assert.match(text, `"${device}"`, `${told} never opened it`);
  return ended;
}

slow('under strace: images', async () => {
  needs('strace');
  for (const line of readingLines(damaged)) {
    const { code, stderr } = await assertReadsOnly([process.execPath, DMREMAP, ...line], damaged.spare);
    assert.is(code, isOfPrimary(line) ? 4 : codeOnDamaged(line), `${line.join(' ')}: ${stderr}`);
  }
  const { code } = await assertReadsOnly([process.execPath, FSCK, '-n', damaged.spare], damaged.spare);
  assert.is(code, 4);
  await assertReadsOnly([process.execPath, DMREMAP, 'explain'], undefined);
  const line = [process.execPath, DMREMAP, 'check', '-p', healthy.spare];
  assert.is((await assertReadsOnly(line, healthy.spare)).code, 0, 'a check that finds nothing to correct');
});

slow('under strace: block devices, and the search through all of them', async () => {
  needs('strace', 'root', 'losetup', '/dev/loop-control');
  const image = shop.put('set.img', distinctImage());
  const spare = shop.loop(image);
  const before = hashOf(spare);
  for (const line of [['scan'], ['check', `SET=${UUID}`], ['info', spare], ['dump', spare]]) {
    const { code, stdout, stderr } = await assertReadsOnly([process.execPath, DMREMAP, ...line], spare);
    // other devices of this machine may be out of reach
    if (line[0] === 'scan') assert.match(stdout, `SET=${UUID}`);
    else assert.ok(code !== null && (code & 8) === 0, `${line.join(' ')}: ${code} ${stderr}`);
  }
  assert.is(hashOf(spare), before);
});

const UUID = '0b115c11-0000-4000-8000-00000000d00d';

/** Another set_uuid than all other tests use, so that a search finds this one. */
function distinctImage(): Buffer {
  return healthyImage({ set_uuid: Buffer.from(UUID.replaceAll('-', ''), 'hex') });
}

slow('strace would see it', async () => {
  needs('strace');
  const wiped = shop.put('wiped.img', healthyImage());
  const line = [process.execPath, DMREMAP, 'wipe', wiped, '--yes', '--discard-remaps', '5'];
  const log = shop.path('wipe.log');
  await runProgram(['strace', '-f', '-o', log, '-e', 'trace=openat', ...line], { env: shop.env });
  assert.match(opensForWriting(readFileSync(log, 'utf8')).join('\n'), `"${wiped}", O_RDWR`);
});
