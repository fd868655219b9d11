import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { assert } from '../../support/harness.js';
import { Random } from '../../support/random.js';
import { stateOf } from '../served-set.js';
import { DISTURBANCES, disturb, PULLING } from './disturbances.js';
import { openFiles, type Sample, sampleOf } from './samples.js';
import { type SoakClient, SoakedSet, type SoakedSetSpec } from './soaked-set.js';

/** What became of a set under load. */
export interface Soaked {
  readonly name: string;
  readonly samples: readonly Sample[];
  /** Requests of its clients. */
  readonly requests: number;
  /** The last status line. */
  readonly status: string;
}

export const NEEDED = [
  'root',
  'nbdkit',
  'nbdfuse',
  'nbdinfo',
  'nbdcopy',
  'openssl',
  '/dev/fuse',
  '/usr/bin/python3',
];

const SETS: readonly SoakedSetSpec[] = [
  {
    name: 'open',
    layout: 'redundant',
    isSecure: false,
    canPull: true,
    more: [],
    clients: ['unix', 'unix', 'tcp'],
  },
  {
    name: 'secured',
    layout: 'plain',
    isSecure: true,
    canPull: false,
    more: ['--cache', 'direct', '--remap', 'salvage', '--scan', '1M'],
    clients: ['unix', 'tcp'],
  },
];

/** Between two samples, in milliseconds. */
const STEP = 2000;

/**
 * Serves sets on failing disks to real clients, with all that happens to a server in its life, for a while.
 * Throws where a client reads something else than it has written, where an answer or a program is not as it
 * should be, and where files stay open. Memory is for the caller to judge.
 *
 * @param tell is given each step's samples as they are taken
 */
export async function soak(
  seconds: number,
  seed: number,
  tell: (name: string, sample: Sample, requests: number) => void = () => {},
): Promise<Soaked[]> {
  const sets: SoakedSet[] = [];
  try {
    for (const spec of SETS) sets.push(await SoakedSet.start(spec));
    const stop = new AbortController();
    setMaxListeners(0, stop.signal);
    const all = sets.map((set, index) => soakOne(set, { seconds, seed: seed + 1000 * index, tell, stop }));
    return await Promise.all(all);
  } finally {
    for (const { shop } of sets) shop.cleanUp();
  }
}

interface Soaking {
  readonly seconds: number;
  readonly seed: number;
  readonly tell: (name: string, sample: Sample, requests: number) => void;
  /** Raised when the time is over, or one of the sets has failed. */
  readonly stop: AbortController;
}

async function soakOne(set: SoakedSet, { seconds, seed, tell, stop }: Soaking): Promise<Soaked> {
  const { signal } = stop;
  // whatever is opened once for all is open by then
  for (const { once } of DISTURBANCES) await once(set, new Random(seed));
  set.trouble({});
  for (const message of ['remap 0', 'unremap 0'])
    assert.is(await set.ask(message), `ok ${message.replace(' ', 'ped ')}`);
  const before = await restOf(set);
  const clients = set.startClients(seed);
  const samples: Sample[] = [];
  const work = [...DISTURBANCES, ...(set.canPull ? [PULLING] : [])].map((disturbance, index) =>
    disturb(disturbance, set, new Random(seed + 100 + index), signal),
  );
  const measured = measure(set, clients, { seconds, signal, samples, tell });
  const failed = Promise.all([...work, ...clients.map(({ ended }) => ended), set.server.ended]);
  try {
    await Promise.race([
      measured,
      failed.then(() => Promise.reject(new Error(`${set.name}: something ended`))),
    ]);
  } finally {
    stop.abort();
  }
  await Promise.all(work);
  set.trouble({});
  await Promise.all(clients.map((client) => client.finish()));
  const status = await set.ask('status');
  assert.equal(await restOf(set), before, `${set.name}: open files`);
  const { code, stderr } = await set.server.stop();
  assert.is(code, 0, stderr);
  assert.is(stateOf(set.shop.path('spare.img')), 0);
  return { name: set.name, samples, requests: sum(clients), status };
}

async function measure(
  set: SoakedSet,
  clients: readonly SoakClient[],
  {
    seconds,
    signal,
    samples,
    tell,
  }: Omit<Soaking, 'seed' | 'stop'> & {
    readonly signal: AbortSignal;
    readonly samples: Sample[];
  },
): Promise<void> {
  const began = performance.now();
  for (let at = 0; at < seconds * 1000 && !signal.aborted; at = performance.now() - began) {
    const sample = sampleOf(set.pid, at);
    samples.push(sample);
    tell(set.name, sample, sum(clients));
    await delay(STEP, undefined, { signal }).catch(() => undefined);
  }
}

/** What a server has open once nobody uses it. */
async function restOf(set: SoakedSet): Promise<string[]> {
  let files: string[] = [];
  // sockets of clients that have gone are closed soon
  for (let tries = 0; tries < 3; tries++) {
    await delay(1000);
    files = openFiles(set.pid);
  }
  const counts = new Map<string, number>();
  for (const file of files) {
    const name = file.replace(/spare(-\d+)?\.img/, 'spare.img');
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => `${count} ${name}`);
}

function sum(clients: readonly SoakClient[]): number {
  return clients.reduce((total, { requests }) => total + requests, 0);
}
