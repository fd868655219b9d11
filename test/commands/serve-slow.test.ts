import { readFileSync } from 'node:fs';
import { patient, Workshop } from '../obligations/workshop.js';
import { FailingDisk } from '../serve/failing-disk.js';
import { buildImage, type Entry } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { nbdsh } from './nbdsh.js';
import { serve } from './served-set.js';

/** The program on a disk some of whose sectors take long: who waits for them, and who does not. */

const test = suite('serve a slow disk');
const slow = patient(test);
let shop: Workshop;
test.before(() => needs('root', 'nbdkit', 'nbdfuse', 'nbdsh', '/dev/fuse'));
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const SECTORS = 4096;
const SIZE = SECTORS * SECTOR;
const REMAPPED = 200;
const SLOW = 1000;

async function slowSet(seconds: number) {
  const content = shop.image('content.img', SIZE);
  const entries = Array.from({ length: REMAPPED }, (_, index): Entry => [index, 2000 + index]);
  const layout = { layout: 'redundant', sectors: 4096, maxEntries: 1000, mainSectors: SECTORS } as const;
  const spare = shop.put('spare.img', buildImage({ ...layout, entries }));
  const disk = await FailingDisk.start(shop, content, SIZE);
  const server = await serve(shop, spare, disk.path);
  disk.set({ slow: [SLOW * SECTOR, SIZE, seconds] });
  return { content, spare, disk, server };
}

interface Times {
  readonly [what: string]: { readonly median: number; readonly late: number };
}

slow('while hundreds of reads hang, all else is answered at once', async () => {
  const { spare, disk, server } = await slowSet(20);
  const script = shop.put('waiting.py', Buffer.from(WAITING));
  const [line = ''] = await nbdsh(
    server.uri,
    `control = "${server.control}"`,
    `exec(open("${script}").read())`,
  );
  const times: Times = JSON.parse(line);
  assert.equal(Object.keys(times), ['same', 'other', 'new', 'status', 'save']);
  console.log(line);
  for (const [what, { median, late }] of Object.entries(times)) {
    // too few of the others were sent for a percentile that other work on this machine leaves alone
    const limit = what === 'same' || what === 'other' ? 50 : 1000;
    assert.ok(median < 5 && late < limit, `${what}: median ${median} ms, late ${late} ms`);
  }
  disk.pull();
  assert.is((await server.stop()).code, 0);
  const image = readFileSync(spare);
  const { n, truth } = judge(image);
  assert.equal([n, truth?.length], [0, REMAPPED]);
  for (const [main, to] of truth ?? [])
    assert.ok(
      image.subarray(to * SECTOR, (to + 1) * SECTOR).every((byte) => byte === main),
      `${main}`,
    );
});

slow('what takes its time is right in the end, and what lies beside it came before', async () => {
  const { content, server } = await slowSet(3);
  const said = await nbdsh(
    server.uri,
    'import time',
    'h.pread(512, 500 * 512)',
    'began = time.monotonic()',
    'late = nbd.Buffer(512)',
    `cookie = h.aio_pread(late, ${SLOW + 8} * 512)`,
    // on the spare, and on main in memory: nbdfuse has one request to its server at a time
    'for sector in [1, 500]: h.pread(512, sector * 512)',
    'assert not h.aio_command_completed(cookie) and time.monotonic() - began < 2',
    'while not h.aio_command_completed(cookie): h.poll(-1)',
    'assert time.monotonic() - began >= 3',
    'print(bytes(late.to_bytearray()).hex())',
  );
  const at = (SLOW + 8) * SECTOR;
  assert.equal(said, [
    readFileSync(content)
      .subarray(at, at + SECTOR)
      .toString('hex'),
  ]);
  assert.is((await server.stop()).code, 0);
});

/**
 * 64 reads on each of nine connections hang, at places that lie apart. Prints how long others took meanwhile, in
 * milliseconds: reads, writes and flushes of remapped sectors on the same connection and on another one, new
 * connections, and messages to \`control\`.
 */
const WAITING = `
import json, socket, time
def connection():
  one = nbd.NBD()
  one.connect_uri(h.get_uri())
  return one
waiting = [h] + [connection() for _ in range(8)]
hanging = []
for turn in range(64):
  for index, one in enumerate(waiting):
    hanging.append((one, one.aio_pread(nbd.Buffer(512), (${SLOW} + 5 * turn + index) * 512)))
time.sleep(0.3)
def measured(count, work):
  times = []
  for turn in range(count):
    began = time.monotonic()
    work(turn)
    times.append((time.monotonic() - began) * 1000)
  times.sort()
  return {"median": times[count // 2], "late": times[count * 99 // 100]}
def use(one):
  def work(turn):
    sector = turn % ${REMAPPED}
    stamp = bytes([sector]) * 512
    one.pwrite(stamp, sector * 512, nbd.CMD_FLAG_FUA if turn % 50 == 0 else 0)
    if turn % 100 == 0: one.flush()
    assert one.pread(512, sector * 512) == stamp
  return work
def arrive(turn):
  one = connection()
  one.pread(512, 512)
  one.shutdown()
def message(text):
  def work(turn):
    with socket.socket(socket.AF_UNIX) as client:
      client.connect(control)
      client.sendall(text + b"\\n")
      answer = client.recv(1000)
      assert answer.startswith(b"ok "), answer
  return work
times = {
  "same": measured(400, use(h)),
  "other": measured(400, use(connection())),
  "new": measured(50, arrive),
  "status": measured(50, message(b"status")),
  "save": measured(50, message(b"save")),
}
for one, cookie in hanging: assert not one.aio_command_completed(cookie)
print(json.dumps(times))
`;
