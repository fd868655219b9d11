import { judge as verdictOf } from '../../src/check/checker.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import type { Phase } from '../../src/store/phase.js';
import { checkDevice, idsOf, planFor, tryDiagnose } from '../check/check-device.js';
import { SECTOR } from '../support/format-numbers.js';
import type { Random } from '../support/random.js';
import { judge, type Verdict } from '../support/reader.js';

/**
 * A power cut by the model of format.md section 4: of the writes since the last flush any subset is there, each
 * logical block whole or not at all. Every state in which a correction can be interrupted is judged by the
 * independent reader, and corrected again.
 */

export interface Start {
  readonly name: string;
  readonly image: Buffer;
  /** Who corrects it: -p, or what only -y does. */
  readonly mode: 'preen' | 'yes';
  readonly blockSize: 512 | 4096;
}

/** Up to so many blocks of a phase every subset is tried, beyond that as many as SAMPLES at random. */
const ALL_SUBSETS_OF = 12;
const SAMPLES = 220;

/** After so many states one is taken in whose own correction the power is cut, too. */
const AGAIN_EVERY = 67;

type Truth = string;

export interface Tried {
  readonly states: number;
  /** States of a second power cut, in the correction after the first. */
  readonly second: number;
  /** The first state that broke a promise. */
  readonly wrong: string | undefined;
}

/** Cuts the power at every point of the correction of this start. */
export async function tryPowerCuts(start: Start, random: Random): Promise<Tried> {
  const truth = truthIn(start.image);
  const phases = await phasesFor(start.image, start);
  if (truth === undefined || phases === undefined)
    return { states: 0, second: 0, wrong: 'nothing to correct' };
  let [states, second] = [0, 0];
  for (const [told, state] of interrupted(start, phases, random)) {
    states++;
    const wrong = await promiseBroken(state, start, truth);
    if (wrong !== undefined) return { states, second, wrong: `${told}: ${wrong}` };
    if (states % AGAIN_EVERY !== 0) continue;
    const again = await cutAgain(state, start, truth, random);
    second += again.states;
    if (again.wrong !== undefined) return { states, second, wrong: `${told}, then ${again.wrong}` };
  }
  return { states, second, wrong: undefined };
}

async function cutAgain(image: Buffer, start: Start, truth: Truth, random: Random): Promise<Tried> {
  const phases = await phasesFor(image, start);
  let states = 0;
  for (const [told, state] of interrupted({ ...start, image }, phases ?? [], random, 24)) {
    states++;
    const wrong = await promiseBroken(state, start, truth);
    if (wrong !== undefined) return { states, second: 0, wrong: `${told}: ${wrong}` };
  }
  return { states, second: 0, wrong: undefined };
}

function deviceOf(image: Buffer, { blockSize }: Start): MemoryDevice {
  return new MemoryDevice(new Uint8Array(image), { logicalBlockSize: blockSize });
}

/** What would be written; undefined where there is nothing to correct. */
async function phasesFor(image: Buffer, start: Start): Promise<readonly Phase[] | undefined> {
  const device = deviceOf(image, start);
  const found = await tryDiagnose(device);
  if (!('problems' in found)) return undefined;
  const { correctable } = verdictOf(found.problems, start.mode);
  if (correctable.length === 0) return undefined;
  const { phases, needsUndo } = planFor(device, found, correctable);
  if (needsUndo) throw new Error(`${start.name}: only an undo file makes this safe`);
  for (const { at, bytes } of phases.flatMap(({ writes }) => writes))
    if (at % start.blockSize !== 0 || bytes.length % start.blockSize !== 0)
      throw new Error(`${start.name}: a write of ${bytes.length} bytes at ${at} is not in whole blocks`);
  return phases;
}

/** Every image that a cut can leave, with a word on what it is. */
function* interrupted(
  { image, blockSize }: Start,
  phases: readonly Phase[],
  random: Random,
  most = Number.POSITIVE_INFINITY,
): Generator<readonly [told: string, state: Buffer]> {
  let durable = image;
  for (const [index, { purpose, writes }] of phases.entries()) {
    const after = Buffer.from(durable);
    for (const { at, bytes } of writes) after.set(bytes, at);
    const changed = changedBlocks(durable, after, blockSize);
    for (const subset of subsets(changed, random, most)) {
      const state = Buffer.from(durable);
      for (const at of subset) after.copy(state, at, at, at + blockSize);
      yield [
        `phase ${index} (${purpose}), blocks at ${subset.join(', ') || 'none'} of ${changed.join(', ')}`,
        state,
      ];
    }
    durable = after;
  }
  yield ['all phases', durable];
}

function changedBlocks(before: Buffer, after: Buffer, blockSize: number): number[] {
  const changed: number[] = [];
  for (let at = 0; at < before.length; at += blockSize)
    if (!before.subarray(at, at + blockSize).equals(after.subarray(at, at + blockSize))) changed.push(at);
  return changed;
}

function* subsets(blocks: readonly number[], random: Random, most: number): Generator<number[]> {
  const pick = (mask: number) => blocks.filter((_, index) => (mask >>> index) & 1);
  if (blocks.length <= ALL_SUBSETS_OF && 2 ** blocks.length <= most) {
    for (let mask = 0; mask < 2 ** blocks.length; mask++) yield pick(mask);
    return;
  }
  yield [];
  // first and last block alone, and all but one: the edges that a sample may miss
  yield blocks.slice(0, 1);
  yield blocks.slice(-1);
  yield blocks.slice(1);
  yield blocks.slice(0, -1);
  for (let sample = Math.min(SAMPLES, most); sample > 0; sample--) {
    const probability = random.pick([0.1, 0.5, 0.5, 0.9]);
    yield blocks.filter(() => random.chance(probability));
  }
}

/** The remaps with their data, by the independent reader; undefined where it has no answer. */
function truthIn(image: Buffer, { truth }: Verdict = judge(image)): Truth | undefined {
  if (truth === null) return undefined;
  return truth
    .map(([main, spare]) => {
      const data = image.subarray(spare * SECTOR, (spare + 1) * SECTOR);
      return `${main} → ${spare}: ${data.toString('latin1', 0, 16)}`;
    })
    .join('\n');
}

async function promiseBroken(state: Buffer, start: Start, truth: Truth): Promise<string | undefined> {
  const verdict = judge(state);
  const { n, p, y, why } = verdict;
  const expected = start.mode === 'preen' ? p : y;
  const reader = `the reader says ${n}/${p}/${y} ${why.join(', ')}`;
  // a migration's target waits for its source when everything else is in order
  const inOrder = expected === 0 || (expected === 4 && why.length === 0);
  if (!inOrder && (expected & 1) === 0) return reader;
  if (truthIn(state, verdict) !== truth) return `the remaps are others; ${reader}`;
  const device = deviceOf(state, start);
  const { exitCode, problems, remaining } = await checkDevice(device, start.mode);
  if (exitCode !== expected) return `exit ${exitCode} (${idsOf(problems).join(', ')}), ${reader}`;
  // the check has looked again at what it wrote
  if (idsOf(remaining).some((id) => id !== 'role-target'))
    return `the second check finds ${idsOf(remaining).join(', ')}`;
  const after = Buffer.from(device.content);
  const second = judge(after);
  if (second.n !== (exitCode & ~1)) return `after it the reader says ${second.why.join(', ')}`;
  return truthIn(after, second) === truth ? undefined : 'after it the remaps are others';
}
