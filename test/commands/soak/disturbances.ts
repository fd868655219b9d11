import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { DMREMAP, runProgram } from '../../obligations/run-cli.js';
import { RawClient, type Target } from '../../server/raw-client.js';
import { SECTOR } from '../../support/format-numbers.js';
import { assert } from '../../support/harness.js';
import { clientFlags, command, option, sendOption, sendRequest } from '../../support/nbd-bytes.js';
import type { Random } from '../../support/random.js';
import type { SoakedSet } from './soaked-set.js';

/** What goes on beside the clients of a set, each again and again until it is stopped. */
export interface Disturbance {
  /** Between two times, in milliseconds. */
  readonly pause: number;
  readonly once: (set: SoakedSet, dice: Random) => Promise<void>;
}

/** Does it until the signal; then it is whole again. */
export async function disturb(
  { pause, once }: Disturbance,
  set: SoakedSet,
  dice: Random,
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    await delay(pause * (0.5 + dice.below(1000) / 1000), undefined, { signal: stop }).catch(() => undefined);
    if (!stop.aborted) await once(set, dice);
  }
}

/** Sectors that turn bad and good, and slow; now and then all are good, and what has moved goes back to main. */
async function sectors(set: SoakedSet, dice: Random): Promise<void> {
  if (dice.chance(0.1)) {
    set.trouble({});
    await set.ask('clear');
    return;
  }
  const piece = (): readonly [number, number] => {
    const [first, count] = set.piece(dice);
    return [first * SECTOR, (first + count) * SECTOR];
  };
  set.trouble({
    ...(dice.chance(0.7) ? { read: piece() } : {}),
    ...(dice.chance(0.7) ? { write: piece() } : {}),
    ...(dice.chance(0.2) ? { slow: [...piece(), 1] } : {}),
  });
}

/** Those that are answered well whatever becomes of the disk; the others may fail on bad sectors. */
const SURE = ['status', 'metadata_status', 'ping', 'verify'];

async function messages(set: SoakedSet, dice: Random): Promise<void> {
  const word = dice.pick([...SURE, 'save', 'remap', 'unremap', 'restore', 'nonsense']);
  const hasSector = ['verify', 'remap', 'unremap'].includes(word);
  const answer = await set.ask(hasSector ? `${word} ${set.piece(dice)[0]}` : word);
  const isGood = SURE.includes(word) ? /^ok/ : /^(ok|error)/;
  assert.ok(isGood.test(answer), `${set.name}: ${word}: ${answer}`);
}

/** A scrape by Prometheus. */
async function metrics({ metrics: port, name }: SoakedSet): Promise<void> {
  const text = await new Promise<string>((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/metrics', agent: false }, async (response) => {
      let all = '';
      for await (const part of response.setEncoding('utf8')) all += part;
      resolve(all);
    }).once('error', reject);
  });
  assert.match(text, /^dmremap_health\{/m, name);
}

/** Clients that go without a word, half closed, with a reset, in the midst of TLS, or talk nonsense. */
async function rudeness(set: SoakedSet, dice: Random): Promise<void> {
  const target: Target = dice.chance(0.5)
    ? { address: { kind: 'unix', path: set.server.socket }, uri: '' }
    : { address: { kind: 'tcp', host: '127.0.0.1', port: set.port }, uri: `nbd://127.0.0.1:${set.port}/` };
  const client = await RawClient.connect(target);
  const { socket } = client;
  switch (dice.below(set.isSecure ? 4 : 6)) {
    case 0:
      socket.destroy();
      break;
    case 1:
      client.send(dice.bytes(1 + dice.below(200)));
      socket.end();
      await client.rest();
      break;
    case 2:
      client.send(clientFlags(), sendOption(option.startTls));
      await client.take(18 + 20);
      client.send(dice.bytes(100));
      reset(socket);
      break;
    case 3:
      client.send(clientFlags(), sendOption(option.list).subarray(0, 7));
      socket.end();
      await client.rest();
      break;
    default:
      socket.destroy();
      await leaveRequests(await RawClient.attach(target), dice);
  }
  socket.destroy();
}

/** Half closed, all answers come; reset, nobody waits for them. */
async function leaveRequests(client: RawClient, dice: Random): Promise<void> {
  const length = 32768;
  const requests = Array.from({ length: 16 }, (_, index) =>
    sendRequest({ type: command.read, cookie: BigInt(index), offset: index * length, length }),
  );
  client.send(...requests);
  if (dice.chance(0.5)) {
    client.socket.end();
    assert.is((await client.rest()).length, 16 * (16 + length), 'answers to a client that sends no more');
  } else {
    await client.take(100);
    reset(client.socket);
  }
  client.socket.destroy();
}

function reset(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

/** Programs that people use. */
async function programs(set: SoakedSet, dice: Random): Promise<void> {
  const uri = set.uri(dice.pick(['unix', 'tcp']));
  const [line, codes] = dice.pick<[readonly string[], readonly number[]]>([
    [['nbdinfo', '--json', uri], [0]],
    [['nbdinfo', '--map=x-dmremap:sectors', uri], [0]],
    // sectors that fail end it
    [
      ['nbdcopy', '--connections=4', uri, 'null:'],
      [0, 1],
    ],
    [[process.execPath, DMREMAP, 'ctl', 'status', '--control', set.server.control], [0]],
  ]);
  const { code, stderr } = await runProgram(line);
  assert.ok(code !== null && codes.includes(code), `${line.join(' ')} ended with ${code}: ${stderr}`);
}

/** An operator who stays connected and asks many things at once, and one who leaves before his answer. */
async function operators(set: SoakedSet): Promise<void> {
  const socket = connect(set.server.control);
  socket.on('error', () => {});
  socket.write('status\nping\nstatus\nsave\n');
  await delay(20);
  socket.destroy();
}

/** The spare is taken away, and given back under another name. */
async function pulling(set: SoakedSet): Promise<void> {
  set.pullSpare();
  await delay(3000);
  assert.match(await set.ask('status'), /^ok/);
  await set.attachSpare();
}

export const DISTURBANCES: readonly Disturbance[] = [
  { pause: 1500, once: sectors },
  { pause: 700, once: messages },
  { pause: 2000, once: metrics },
  { pause: 500, once: rudeness },
  { pause: 7000, once: programs },
  { pause: 3000, once: operators },
];

export const PULLING: Disturbance = { pause: 20_000, once: pulling };
