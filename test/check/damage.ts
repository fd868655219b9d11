import { judge as verdictOf } from '../../src/check/checker.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { DmremapError } from '../../src/errors.js';
import type { Diagnosis } from '../../src/operations/diagnose.js';
import { SECTOR } from '../support/format-numbers.js';
import { type Mutated, mutation } from '../support/mutate.js';
import { judge, type Verdict } from '../support/reader.js';
import { type Checked, checkDevice, correct, idsOf, tryDiagnose, WatchedDevice } from './check-device.js';

/** One damaged spare after the other: what check says and does against the independent reader. */

const MODES = [
  ['n', 'read'],
  ['p', 'preen'],
  ['y', 'yes'],
] as const;

export interface Tried {
  /** `n/p/y` of the independent reader, for counting. */
  readonly codes: string;
  readonly description: string;
  /** Undefined where everything agrees. */
  readonly wrong: string | undefined;
}

/** Damages a spare by this seed and checks it in every mode. Whatever is thrown is a wrong answer, too. */
export async function tryMutation(seed: number): Promise<Tried> {
  const mutated = mutation(seed);
  const expected = judge(mutated.image);
  const codes = `${expected.n}/${expected.p}/${expected.y}`;
  const told = `${mutated.description} | the reader says ${codes} ${expected.why.join(', ')}`;
  try {
    const wrong = (await disagreement(mutated, expected)) ?? (await harmDone(mutated));
    return { codes, description: told, wrong };
  } catch (error) {
    return {
      codes,
      description: told,
      wrong: error instanceof Error ? String(error.stack) : 'threw no Error',
    };
  }
}

async function disagreement({ image }: Mutated, expected: Verdict): Promise<string | undefined> {
  // what opening refuses never reaches the checker
  if (image.length < 4096 || image.length % SECTOR !== 0)
    return expected.n === 8 ? undefined : `the size is refused, expected ${expected.n}`;
  const content = new Uint8Array(image);
  const watched = new WatchedDevice(new MemoryDevice(content));
  const found = await tryDiagnose(watched);
  if (watched.attempts > 0 || !image.equals(content)) return 'a reader wrote';
  for (const [code, mode] of MODES) {
    const device = new MemoryDevice(content.slice());
    const checked =
      found instanceof DmremapError ? { exitCode: 8, plan: undefined } : await correct(device, found, mode);
    const after = Buffer.from(device.content);
    const wrong = checkOne(checked, expected[code], image, after, expected);
    const again = wrong ?? (checked.plan === undefined ? undefined : await second(device, after, expected));
    if (again !== undefined) return `${mode}: ${again} (found ${said(found)})`;
  }
  return undefined;
}

function said(found: Diagnosis | DmremapError): string {
  return found instanceof DmremapError ? found.code : idsOf(found.problems).join(', ');
}

function checkOne(
  { exitCode, plan }: Pick<Checked, 'exitCode' | 'plan'>,
  expected: number,
  before: Buffer,
  after: Buffer,
  { truth }: Verdict,
): string | undefined {
  if (exitCode !== expected) return `exit ${exitCode}, expected ${expected}`;
  const changed = !before.equals(after);
  if ((exitCode & 1) === 0)
    return changed || plan !== undefined ? `exit ${exitCode}, but changed` : undefined;
  if (!changed) return `exit ${exitCode}, but nothing changed`;
  const hurt = (truth ?? []).find(([, spare]) => {
    const at = spare * SECTOR;
    return !before.subarray(at, at + SECTOR).equals(after.subarray(at, at + SECTOR));
  });
  return hurt === undefined ? undefined : `the data of sector ${hurt[0]} was written over`;
}

/** After a correction: both witnesses find a second check clean, and every remap is there. */
async function second(device: MemoryDevice, image: Buffer, { truth }: Verdict): Promise<string | undefined> {
  const witness = judge(image);
  const { exitCode, remaining } = await checkDevice(device, 'read');
  const waiting = idsOf(remaining).every((id) => id === 'role-target');
  if (!waiting) return `the second check finds ${idsOf(remaining).join(', ')}`;
  if (witness.n !== exitCode || witness.p !== exitCode || witness.y !== exitCode)
    return `second check: exit ${exitCode}, the reader says ${witness.n} ${witness.why.join(', ')}`;
  if (truth === null) return 'it was corrected although nobody can tell the truth';
  return JSON.stringify(witness.truth) === JSON.stringify(truth) ? undefined : 'the entries are others now';
}

/** Where only bytes changed that no rule looks at, the answers are those of the undamaged image. */
async function harmDone({ image, base, harmless }: Mutated): Promise<string | undefined> {
  if (!harmless) return undefined;
  const [one, other] = await Promise.all([answers(image), answers(base)]);
  return one === other ? undefined : `idle bytes changed the answer from ${other} to ${one}`;
}

async function answers(image: Buffer): Promise<string> {
  const found = await tryDiagnose(new MemoryDevice(new Uint8Array(image)));
  if (found instanceof DmremapError) return found.code;
  const verdicts = MODES.map(([, mode]) => {
    const { exitCode, correctable, remaining } = verdictOf(found.problems, mode);
    return `${exitCode} ${idsOf(correctable)} ${idsOf(remaining)}`;
  });
  return verdicts.join('; ');
}
