import { readFileSync } from 'node:fs';
import { patient, Workshop } from '../obligations/workshop.js';
import { FailingDisk } from '../serve/failing-disk.js';
import { buildImage } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { nbdsh } from './nbdsh.js';
import { ask, run, type Server, sectorsLogged, serve } from './served-set.js';

/** The program on a disk whose sectors truly fail: what its clients see, and what it keeps. */

const test = suite('serve a failing disk');
const slow = patient(test);
let shop: Workshop;
test.before(() => needs('root', 'nbdkit', 'nbdfuse', 'nbdsh', 'nbdcopy', 'nbdinfo', 'qemu-io', '/dev/fuse'));
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const SECTORS = 2048;
const SIZE = SECTORS * SECTOR;
const bad = (first: number, count: number) => [first * SECTOR, (first + count) * SECTOR] as const;

/** A served set whose main fails, beside a copy that is given whatever a client was told it has written. */
class FailingSet {
  readonly #content: string;
  readonly #spare: string;
  readonly disk: FailingDisk;
  readonly server: Server;
  readonly shadow: Buffer;

  static async start(more: readonly string[] = [], capacity = 1000): Promise<FailingSet> {
    const content = shop.image('content.img', SIZE);
    const spare = shop.put(
      'spare.img',
      buildImage({ layout: 'redundant', sectors: 2048, maxEntries: capacity, mainSectors: SECTORS }),
    );
    const disk = await FailingDisk.start(shop, content, SIZE);
    return new FailingSet(content, spare, disk, await serve(shop, spare, disk.path, more));
  }

  private constructor(content: string, spare: string, disk: FailingDisk, server: Server) {
    this.#content = content;
    this.#spare = spare;
    this.disk = disk;
    this.server = server;
    this.shadow = readFileSync(content);
  }

  /** Writes a pattern and flushes; a client that is told of an error fails the test. */
  async write(sector: number, count: number, pattern: number): Promise<void> {
    const write = `write -P ${pattern} ${sector * SECTOR} ${count * SECTOR}`;
    await run('qemu-io', '-t', 'writeback', '-f', 'raw', '-c', write, '-c', 'flush', this.server.uri);
    this.shadow.fill(pattern, sector * SECTOR, (sector + count) * SECTOR);
  }

  /** The sectors that a client cannot read, each asked for by itself; all others are as on the copy. */
  async unreadable(first: number, count: number): Promise<number[]> {
    const said = await nbdsh(
      this.server.uri,
      'import errno',
      `for sector in range(${first}, ${first + count}):`,
      '  try:',
      '    print(sector, bytes(h.pread(512, sector * 512)).hex())',
      '  except nbd.Error as error:',
      '    assert error.errnum == errno.EIO, error',
      '    print(sector, "EIO")',
    );
    const failed: number[] = [];
    for (const [index, line] of said.entries()) {
      const sector = first + index;
      if (line === `${sector} EIO`) failed.push(sector);
      else assert.is(line, `${sector} ${this.#shadowOf(sector).toString('hex')}`);
    }
    assert.is(said.length, count);
    return failed;
  }

  async seesTheShadow(): Promise<void> {
    const copy = shop.path('copy.img');
    await run('nbdcopy', this.server.uri, copy);
    assert.equal(readFileSync(copy), this.shadow, 'what clients read');
  }

  async status(): Promise<string> {
    return ask(this.server.control, 'status');
  }

  /** What the server has logged, once it has ended. */
  log = '';

  /** Ends the server; main and spare then hold what the copy does. The remapped sectors of main. */
  async end(): Promise<number[]> {
    const { code, stderr } = await this.server.stop();
    assert.is(code, 0, stderr);
    this.log = stderr;
    const spare = readFileSync(this.#spare);
    const { n, truth } = judge(spare, { mainSectors: SECTORS });
    assert.is(n, 0);
    const found = readFileSync(this.#content);
    for (const [main, to] of truth ?? []) spare.copy(found, main * SECTOR, to * SECTOR, (to + 1) * SECTOR);
    assert.equal(found, this.shadow, 'the images');
    return (truth ?? []).map(([main]) => main);
  }

  #shadowOf(sector: number): Buffer {
    return this.shadow.subarray(sector * SECTOR, (sector + 1) * SECTOR);
  }
}

for (const cache of ['writeback', 'direct']) {
  slow(`${cache}: writes that main does not take are on the spare, and no client notices`, async () => {
    const set = await FailingSet.start(['--cache', cache]);
    set.disk.set({ write: bad(200, 4) });
    await set.write(196, 16, 5);
    await set.write(0, 128, 6);
    assert.match(
      await set.status(),
      / remap v3\.0 4\/1000 0\/1000 4\/1000 health=1 errors=W4:R0 auto_remaps=4 manual_remaps=0 .* persist=enabled /,
    );
    await set.seesTheShadow();
    // a second write finds them on the spare
    await set.write(190, 20, 7);
    assert.match(await set.status(), /errors=W4:R0 auto_remaps=4 /);
    await set.seesTheShadow();
    assert.equal(await set.end(), [200, 201, 202, 203]);
    assert.is(sectorsLogged(set.log, 'main did not take these sectors: they live on the spare'), 4);
  });

  slow(`${cache}: reads lack exactly the sectors that fail, and the next write moves them`, async () => {
    const set = await FailingSet.start(['--cache', cache]);
    set.disk.set({ read: bad(100, 3) });
    assert.equal(await set.unreadable(90, 20), [100, 101, 102]);
    assert.match(await set.status(), / 0\/1000 0\/1000 0\/1000 health=2 errors=W0:R3 auto_remaps=0 /);
    const chunks = await nbdsh(
      set.server.uri,
      'def chunk(buffer, offset, status, error):',
      '  if status == nbd.READ_ERROR: print(offset // 512, "error", error.value)',
      '  elif status == nbd.READ_DATA: print(offset // 512, "data", bytes(buffer).hex())',
      'try:',
      '  h.pread_structured(20 * 512, 90 * 512, chunk)',
      'except nbd.Error as error:',
      '  print("all", error.errnum)',
    );
    const before = set.shadow.subarray(90 * SECTOR, 100 * SECTOR).toString('hex');
    const data = chunks.filter((line) => line.startsWith('90 data'));
    assert.equal(data, [`90 data ${before}`], 'the data before what fails');
    assert.equal(
      chunks.filter((line) => line.startsWith('100 ')),
      ['100 error 5'],
    );
    assert.is(chunks.at(-1), 'all 5');
    const map = () => run('nbdinfo', '--map=x-dmremap:sectors', set.server.uri);
    assert.match(await map(), new RegExp(`\\n\\s*${100 * SECTOR}\\s+${3 * SECTOR}\\s+2\\b`));
    // the next write moves what it covers, though main might take it
    await set.write(101, 1, 8);
    assert.equal(await set.unreadable(90, 20), [100, 102]);
    await set.write(96, 8, 9);
    assert.equal(await set.unreadable(90, 20), []);
    assert.match(await map(), new RegExp(`\\n\\s*${100 * SECTOR}\\s+${3 * SECTOR}\\s+1\\b`));
    assert.match(await set.status(), / 3\/1000 0\/1000 3\/1000 health=1 errors=W0:R8 auto_remaps=3 /);
    await set.seesTheShadow();
    assert.equal(await set.end(), [100, 101, 102]);
    const moved = 'main could not read these sectors: what was written to them lives on the spare';
    assert.is(sectorsLogged(set.log, moved), 3);
  });
}

slow('errors that come and go: what can be read again is whole, and nothing has moved', async () => {
  const set = await FailingSet.start();
  for (const first of [40, 240, 440]) {
    set.disk.set({ read: bad(first, 2) });
    assert.equal(await set.unreadable(first - 4, 12), [first, first + 1]);
    set.disk.set({});
    assert.equal(await set.unreadable(first - 4, 12), []);
  }
  assert.match(await set.status(), / 0\/1000 .* health=1 errors=W0:R6 auto_remaps=0 /);
  await set.seesTheShadow();
  assert.equal(await set.end(), []);
});

slow('salvage moves what can be read once more', async () => {
  const set = await FailingSet.start(['--remap', 'salvage']);
  set.disk.set({ read: bad(70, 2) });
  assert.equal(await set.unreadable(64, 16), [70, 71]);
  set.disk.set({});
  assert.equal(await set.unreadable(64, 16), []);
  assert.match(await set.status(), / 2\/1000 .* health=1 errors=W0:R2 auto_remaps=2 /);
  set.disk.set({ read: bad(70, 2) });
  assert.equal(await set.unreadable(64, 16), []);
  assert.equal(await set.end(), [70, 71]);
  const salvaged = 'main gave these sectors only when it was asked again: they live on the spare';
  assert.is(sectorsLogged(set.log, salvaged), 2);
});

slow('off moves nothing: the client is told', async () => {
  const set = await FailingSet.start(['--remap', 'off']);
  set.disk.set({ write: bad(300, 1), read: bad(310, 1) });
  const said = await nbdsh(
    set.server.uri,
    'try:',
    '  h.pwrite(b"x" * 512, 300 * 512)',
    'except nbd.Error as error:',
    '  print(error.errnum)',
  );
  assert.equal(said, ['5']);
  assert.equal(await set.unreadable(296, 20), [310]);
  assert.match(await set.status(), / 0\/1000 0\/1000 0\/1000 health=2 errors=W1:R1 auto_remaps=0 /);
  set.disk.set({});
  await set.write(304, 8, 3);
  await set.seesTheShadow();
  assert.equal(await set.end(), []);
});

slow('a full spare: the client is told of what finds no place, all else goes on', async () => {
  const set = await FailingSet.start([], 3);
  set.disk.set({ write: bad(500, 5) });
  const said = await nbdsh(
    set.server.uri,
    'for sector in range(498, 507):',
    '  try:',
    '    h.pwrite(b"\\x04" * 512, sector * 512)',
    '    print("ok")',
    '  except nbd.Error as error:',
    '    print(error.errnum)',
    'h.flush()',
  );
  assert.equal(said, ['ok', 'ok', 'ok', 'ok', 'ok', '5', '5', 'ok', 'ok']);
  for (const sector of [498, 499, 500, 501, 502, 505, 506])
    set.shadow.fill(4, sector * SECTOR, (sector + 1) * SECTOR);
  assert.match(await set.status(), / 3\/3 0\/3 3\/3 health=3 errors=W5:R0 auto_remaps=3 /);
  await set.write(500, 3, 5);
  await set.write(600, 8, 6);
  await set.seesTheShadow();
  assert.equal(await set.end(), [500, 501, 502]);
});

slow('eight connections on one bad region: an entry for each sector, no mixture', async () => {
  const set = await FailingSet.start();
  set.disk.set({ write: bad(800, 16), read: bad(808, 8) });
  const script = shop.put('hammer.py', Buffer.from(HAMMER));
  const last = await nbdsh(set.server.uri, `exec(open("${script}").read())`);
  assert.is(last.length, 16);
  for (const [index, hex] of last.entries()) Buffer.from(hex, 'hex').copy(set.shadow, (800 + index) * SECTOR);
  assert.match(await set.status(), / 16\/1000 0\/1000 16\/1000 health=1 .* auto_remaps=16 /);
  await set.seesTheShadow();
  assert.equal(
    await set.end(),
    Array.from({ length: 16 }, (_, index) => 800 + index),
  );
});

/**
 * Eight clients write ranges of sectors 800 to 815, each sector full of one number, and read them: a sector is
 * never of two writes. Prints what the sectors hold in the end.
 */
const HAMMER = `
import errno, random, threading
failures = []
def client(number):
  try:
    mine = nbd.NBD()
    mine.connect_uri(h.get_uri())
    dice = random.Random(number)
    for turn in range(40):
      first = dice.randrange(16)
      count = dice.randrange(1, 17 - first)
      stamp = (number * 1000 + turn).to_bytes(8, "little")
      mine.pwrite(stamp * 64 * count, (800 + first) * 512, nbd.CMD_FLAG_FUA if turn % 10 == 0 else 0)
      try:
        found = bytes(mine.pread(16 * 512, 800 * 512))
      except nbd.Error as error:
        # not written yet
        assert error.errnum == errno.EIO, error
        continue
      for at in range(0, len(found), 512):
        sector = found[at:at + 512]
        assert sector == sector[:8] * 64 or sector[4:] == bytes(508), (at, sector)
    mine.shutdown()
  except Exception as error:
    failures.append(repr(error))
threads = [threading.Thread(target=client, args=(number,)) for number in range(1, 9)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not failures, failures
h.flush()
for sector in range(800, 816): print(bytes(h.pread(512, sector * 512)).hex())
`;
