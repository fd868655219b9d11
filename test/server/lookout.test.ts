import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Lookout } from '../../src/server/lookout.js';
import { Scratch } from '../device/scratch.js';
import { assert, needs, suite } from '../support/harness.js';
import { Served } from './served.js';

const test = suite('lookout');
const scratch = new Scratch();
test.after(() => scratch.cleanUp());

const [CLIENT, OTHER] = [{}, {}];

/** A lookout whose time stands still but for what it is told. */
function lookout(processors = 2): { heardAfter: (silence: number, client?: object) => number } {
  let time = 1000;
  const looking = new Lookout({ now: () => time, processors });
  const heardAfter = (silence: number, client = CLIENT): number => {
    time += silence;
    const looks = looking.heard(client);
    looking.wait();
    return looks;
  };
  return { heardAfter };
}

function times<Result>(count: number, work: () => Result): Result[] {
  return Array.from({ length: count }, work);
}

test('a client that alone is busy is looked for longer and longer, up to a bound', () => {
  const { heardAfter } = lookout();
  const looks = times(20, () => heardAfter(0.03));
  assert.equal(looks.slice(0, 7), [0, 0, 0, 0, 0, 0, 0]);
  assert.ok((looks[7] ?? 0) > 0);
  assert.equal(new Set(looks.slice(-5)), new Set([64]));
});

test('no client is looked for that was silent for long, until it is no more', () => {
  const { heardAfter } = lookout();
  times(20, () => heardAfter(0.03));
  assert.is(heardAfter(0.2), 0);
  const again = times(5, () => heardAfter(0.03));
  assert.equal(again, [8, 16, 32, 64, 64]);
});

test('nobody is looked for while others are busy, too', () => {
  const { heardAfter } = lookout();
  times(20, () => heardAfter(0.03));
  assert.is(heardAfter(0.03, OTHER), 0);
  assert.is(heardAfter(0.03), 0);
  assert.equal(new Set(times(50, () => heardAfter(0.03, OTHER) + heardAfter(0.03))), new Set([0]));
});

test('on one processor nobody is looked for: nothing would come meanwhile', () => {
  const { heardAfter } = lookout(1);
  assert.equal(new Set(times(50, () => heardAfter(0.03))), new Set([0]));
});

/** Writes one sector after the other, each once the last was answered, whenever it is told to. */
const WRITER = `
import sys
for line in sys.stdin:
    for sector in range(int(line)):
        h.pwrite(bytes([sector % 251 + 1]) * 512, sector * 512)
    print("done", flush=True)
`;

test('what a client sends that waits for each reply is taken whole and in order, and counts', async () => {
  needs('nbdsh');
  const served = await Served.start(scratch);
  const client = spawn('nbdsh', ['-u', served.uri, '-c', WRITER], {
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const write = async (count: number): Promise<number> => {
    const before = served.server.activity;
    client.stdin.write(`${count}\n`);
    await once(client.stdout, 'data');
    return served.server.activity - before;
  };
  await write(1);
  const [request, reply] = [28, 16];
  assert.is(await write(5000), 5000 * (request + 512 + reply));
  const content = served.content();
  for (let sector = 0; sector < 5000; sector++)
    assert.ok(
      content.subarray(sector * 512, sector * 512 + 512).every((byte) => byte === (sector % 251) + 1),
    );
  client.stdin.end();
  await once(client, 'exit');
  await served.stop();
});
