import { DmremapError } from '../errors.js';
import type { PartOf } from '../store/failure.js';
import type { IfFails, Phase } from '../store/phase.js';
import { bytes } from '../units.js';

/** What a repair plan calls itself (`dmremap repair --plan FILE`). */
export const PLAN_FORMAT = 'dmremap-repair-plan';
export const PLAN_VERSION = 1;

/** A plan file is one string, in its parts and as a whole. In bytes. */
export const MOST_PLAN = 1 << 28;

/** SHA-256 of a text, in hex. */
export type Digest = (text: string) => string;

/** What a plan binds, and what it does: all that is needed to carry it out, or to see the device as it would be. */
export interface PlanDocument {
  /** Size of the device that was planned for, in bytes. */
  readonly size: number;
  /** What the device held: SHA-256 as operations/repair/fingerprint.ts makes it. */
  readonly saw: string;
  readonly phases: readonly Phase[];
  /** What the device holds before and after, in one phrase each. */
  readonly before: string;
  readonly after: string;
  /** Shown before it is carried out. */
  readonly warnings: readonly string[];
  /** The generation that counted; 0 where none did. */
  readonly generation: number;
  readonly setUuid: string | undefined;
  readonly spareUuid: string | undefined;
  /** The image will have one copy, or other content than the one that counted: not without an undo file. */
  readonly singleCopy: boolean;
  /** Ids of the problems that are corrected. */
  readonly corrects: readonly string[];
  /** The header block that will count. */
  readonly header: Uint8Array;
  /** Live entries that are dropped, as they lie in a table. */
  readonly dropped: Uint8Array;
}

/** The same as text, which `readPlan` takes. Its checksum is over all the rest. */
export function planText(plan: PlanDocument, digest: Digest): string {
  const document = {
    command: 'repair',
    format: PLAN_FORMAT,
    plan_version: PLAN_VERSION,
    device: { size: plan.size },
    before: plan.before,
    after: plan.after,
    warnings: plan.warnings,
    generation: plan.generation,
    set_uuid: plan.setUuid ?? null,
    spare_uuid: plan.spareUuid ?? null,
    single_copy: plan.singleCopy,
    corrects: plan.corrects,
    saw: plan.saw,
    header: base64(plan.header),
    dropped: base64(plan.dropped),
    steps: plan.phases.map(stepJson),
    complete: true,
  };
  const sha256 = digest(JSON.stringify(document));
  return `${JSON.stringify({ ...document, sha256 }, undefined, 2)}\n`;
}

interface StepJson {
  readonly purpose: string;
  readonly writes: readonly { readonly byte: number; readonly length: number; readonly base64: string }[];
  readonly if_fails?: FailureJson;
}

interface FailureJson extends Pick<IfFails, 'copy' | 'stands' | 'generation'> {
  readonly unwrite: readonly StepJson[];
  readonly secure: readonly StepJson[];
  readonly tidy: readonly StepJson[];
  readonly part_of?: PartOf | undefined;
}

function stepJson({ purpose, writes, ifFails }: Phase): StepJson {
  return {
    purpose,
    writes: writes.map(({ at, bytes: written }) => ({
      byte: at,
      length: written.length,
      base64: base64(written),
    })),
    ...(ifFails === undefined ? {} : { if_fails: failureJson(ifFails) }),
  };
}

function failureJson({ unwrite = [], secure, tidy, partOf, ...facts }: IfFails): FailureJson {
  return {
    ...facts,
    part_of: partOf,
    unwrite: unwrite.map(stepJson),
    secure: secure.map(stepJson),
    tidy: tidy.map(stepJson),
  };
}

function base64(block: Uint8Array): string {
  return Buffer.from(block.buffer, block.byteOffset, block.length).toString('base64');
}

/**
 * Reads a plan file.
 *
 * @throws DmremapError `usage` where it is no whole plan of this version, or was changed
 */
export function readPlan(text: string, digest: Digest): PlanDocument {
  const { sha256, ...plan } = asObject(parse(text), 'the plan');
  if (plan['format'] !== PLAN_FORMAT || plan['plan_version'] !== PLAN_VERSION)
    throw notAPlan(`format is not ${PLAN_FORMAT} ${PLAN_VERSION}`);
  if (plan['complete'] !== true) throw notAPlan('it does not end with "complete": true, so it was cut short');
  if (digest(JSON.stringify(plan)) !== sha256) throw notAPlan('its sha256 does not fit: it was changed');
  return {
    size: asNumber(asObject(plan['device'], 'device')['size'], 'device.size'),
    saw: asText(plan['saw'], 'saw'),
    phases: readSteps(plan['steps'], 'steps'),
    before: asText(plan['before'], 'before'),
    after: asText(plan['after'], 'after'),
    warnings: asList(plan['warnings'], 'warnings').map((warning) => asText(warning, 'warnings')),
    generation: asNumber(plan['generation'], 'generation'),
    setUuid: asOptionalText(plan['set_uuid']),
    spareUuid: asOptionalText(plan['spare_uuid']),
    singleCopy: plan['single_copy'] !== false,
    corrects: asList(plan['corrects'], 'corrects').map((id) => asText(id, 'corrects')),
    header: asBytes(plan['header'], 'header'),
    dropped: asBytes(plan['dropped'], 'dropped'),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw notAPlan(error instanceof Error ? error.message : 'not JSON');
  }
}

function readSteps(value: unknown, what: string): Phase[] {
  return asList(value, what).map((item) => {
    const step = asObject(item, what);
    const failure = step['if_fails'];
    return {
      purpose: asText(step['purpose'], 'purpose'),
      writes: asList(step['writes'], 'writes').map(readWrite),
      ...(failure === undefined ? {} : { ifFails: readFailure(asObject(failure, 'if_fails')) }),
    };
  });
}

function readWrite(value: unknown): Phase['writes'][number] {
  const write = asObject(value, 'writes');
  const written = asBytes(write['base64'], 'base64');
  if (written.length !== asNumber(write['length'], 'length')) throw notAPlan('a write is cut short');
  return { at: bytes(asNumber(write['byte'], 'byte')), bytes: written };
}

const STANDS: readonly IfFails['stands'][] = ['before', 'after'];

function readFailure(failure: Record<string, unknown>): IfFails {
  const { copy, generation, part_of: part } = failure;
  const stands = STANDS.find((one) => one === failure['stands']);
  if (stands === undefined) throw notAPlan('if_fails.stands is missing');
  return {
    copy: copy === 'primary' || copy === 'backup' ? copy : undefined,
    unwrite: readSteps(failure['unwrite'], 'unwrite'),
    secure: readSteps(failure['secure'], 'secure'),
    tidy: readSteps(failure['tidy'], 'tidy'),
    stands,
    ...(generation === undefined ? {} : { generation: asNumber(generation, 'generation') }),
    ...(part === undefined ? {} : { partOf: readPartOf(asObject(part, 'part_of')) }),
  };
}

function readPartOf({ before, behind }: Record<string, unknown>): PartOf {
  return { before: before === true, behind: behind === true };
}

function notAPlan(reason: string): DmremapError {
  return new DmremapError('usage', `the input is not a whole repair plan: ${reason}`, {
    hint: 'a plan is made with: dmremap repair SPARE --plan FILE',
  });
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw notAPlan(`${what} is missing`);
  return value as Record<string, unknown>;
}

function asList(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw notAPlan(`${what} is missing`);
  return value;
}

function asNumber(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw notAPlan(`${what} is no whole number`);
  return value;
}

function asText(value: unknown, what: string): string {
  if (typeof value !== 'string') throw notAPlan(`${what} is missing`);
  return value;
}

function asBytes(value: unknown, what: string): Uint8Array {
  return new Uint8Array(Buffer.from(asText(value, what), 'base64'));
}

function asOptionalText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
