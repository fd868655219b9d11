import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { identify } from '../device/identity.js';
import type { ErrorCode } from '../errors.js';
import { listBlockDevices } from '../machine/list.js';
import { judgeSet, type Member, type PairFinding, type SetJudgement } from '../migrate/pairs.js';
import type { ScanAnswer, ScannedHeader, ScannedSpare } from './scan-one.js';

export interface ScanOptions {
  /** Only these; all block devices of the machine where it is empty. */
  readonly devices: readonly string[];
  /** Look at every block of devices that show no valid copy. */
  readonly deep: boolean;
  /** A device that says nothing for so long is given up, in milliseconds. */
  readonly patience?: number;
}

export interface ScanResult {
  readonly sets: readonly ScannedSet[];
  /** Spares without an identity: plain ones, and those without a valid copy. */
  readonly loose: readonly LooseSpare[];
  /** Headers found by a deep search where nothing points to. */
  readonly strays: readonly { readonly device: string; readonly headers: readonly ScannedHeader[] }[];
  readonly failures: readonly ScanFailure[];
  /** Of what was found; what a device that could not be read amounts to is the command's to say. */
  readonly exitCode: number;
}

export interface ScanFailure {
  readonly device: string;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface LooseSpare {
  readonly device: string;
  readonly spare: ScannedSpare;
}

export interface ScannedSet {
  readonly set_uuid: string;
  readonly spares: readonly LooseSpare[];
  /** The device of the active spare; null where none is here or none can be told. */
  readonly active: string | null;
  readonly findings: readonly PairFinding[];
  readonly absentSuccessors: readonly string[];
  readonly main: { readonly id: string; readonly size: string; readonly device: string | null };
  /** What to type next, in words. */
  readonly next: readonly string[];
}

/** How long a device is waited for, in milliseconds. */
const PATIENCE = 10_000;

/** How long the process that asks it may take to begin: a machine that is busy is no device that does not answer. */
const PATIENCE_TO_BEGIN = 60_000;

/** Finds every spare of the machine, or among the named devices (dmremap scan). Reads only. */
export async function scan(options: ScanOptions): Promise<ScanResult> {
  const devices = options.devices.length > 0 ? options.devices : listBlockDevices().map(({ path }) => path);
  const answers = await inParallel(devices, (device) =>
    askChild(device, options.deep, options.patience ?? PATIENCE),
  );
  const spares: LooseSpare[] = [];
  const strays: { device: string; headers: readonly ScannedHeader[] }[] = [];
  const failures: ScanFailure[] = [];
  answers.forEach((answer, index) => {
    const device = devices[index] ?? '';
    if (answer.kind === 'spare') spares.push({ device, spare: answer.spare });
    if ('headers' in answer && answer.headers.length > 0) strays.push({ device, headers: answer.headers });
    if (answer.kind === 'error') failures.push({ device, code: answer.code, message: answer.message });
  });
  const sets = await setsOf(spares);
  // of devices that were not named, several may well be paths to one disk
  const named = options.devices.length > 0;
  const contradicted = sets.some(({ findings }) => findings.some(({ kind }) => named || kind !== 'clone'));
  return {
    sets,
    loose: spares.filter(({ spare }) => spare.header?.set_uuid == null),
    strays,
    failures,
    exitCode: exitCodeOf(spares, contradicted),
  };
}

function exitCodeOf(spares: readonly LooseSpare[], contradicted: boolean): number {
  const found = spares.reduce((codes, { spare }) => codes | spare.exitCode, 0);
  return found | (contradicted ? 4 : 0);
}

async function setsOf(spares: readonly LooseSpare[]): Promise<ScannedSet[]> {
  const byUuid = new Map<string, LooseSpare[]>();
  for (const found of spares) {
    const uuid = found.spare.header?.set_uuid;
    if (uuid != null) byUuid.set(uuid, [...(byUuid.get(uuid) ?? []), found]);
  }
  const mains = byUuid.size > 0 ? await mainsByIdentity() : new Map<string, string>();
  return [...byUuid].map(([set_uuid, members]) => {
    // a device that is named twice is one spare, and no clone
    const distinct = members.filter(
      ({ spare }, index) => index === members.findIndex((other) => other.spare.key === spare.key),
    );
    const judgement = judgeSet(distinct.flatMap(memberOf));
    const header = (members.find(({ device }) => device === judgement.active?.name) ?? members[0])?.spare
      .header;
    const id = header?.main_id ?? '';
    return {
      set_uuid,
      spares: members,
      active: judgement.active?.name ?? null,
      findings: judgement.findings,
      // two clones name the same one
      absentSuccessors: [...new Set(judgement.absentSuccessors)],
      main: { id, size: header?.main_device_size ?? '0', device: mains.get(id) ?? null },
      next: nextFor(members, judgement, mains.has(id)),
    };
  });
}

function memberOf({ device, spare: { header } }: LooseSpare): Member[] {
  if (header === null || header.spare_uuid === null || header.peer_uuid === null) return [];
  return [
    {
      ...header,
      name: device,
      spare_uuid: header.spare_uuid,
      peer_uuid: header.peer_uuid,
      migration_cursor: BigInt(header.migration_cursor),
    },
  ];
}

/**
 * What works as it stands, and after the next boot, too: devices by tags, image files, which no tag is resolved
 * to, by their paths. A table is made of a set whose main is found.
 */
function nextFor(
  members: readonly LooseSpare[],
  { active, findings }: SetJudgement,
  hasMain: boolean,
): readonly string[] {
  const lineFor = (command: readonly string[], ...devices: (string | undefined)[]) => [
    'dmremap',
    ...command,
    ...devices.map((device) => nameOf(members, device)),
  ];
  const [finding] = findings;
  if (finding?.kind === 'switch-unfinished' || finding?.kind === 'source-not-retired')
    return lineFor(['check', '-p'], finding.source.name, finding.target.name);
  if (finding?.kind === 'contradiction' && finding.unsettled !== undefined)
    return [
      ...lineFor(['migrate'], finding.unsettled.source.name, finding.unsettled.target.name),
      '--resume',
    ];
  if (finding !== undefined) return ['dmremap', 'explain', `pair-${finding.kind}`];
  const damaged = members.find(({ spare }) => spare.problems.length > 0);
  if (damaged !== undefined) return lineFor(['check'], damaged.device);
  return active !== undefined && hasMain
    ? lineFor(['table'], active.name)
    : lineFor(['info'], active?.name ?? members[0]?.device);
}

function nameOf(members: readonly LooseSpare[], wanted: string | undefined): string {
  return members.find(({ device }) => device === wanted)?.spare.lastingName ?? '';
}

async function mainsByIdentity(): Promise<Map<string, string>> {
  const mains = new Map<string, string>();
  for (const { path, deviceNumber } of listBlockDevices()) {
    const { mainId } = await identify({ deviceNumber });
    if (mainId !== '' && !mains.has(mainId)) mains.set(mainId, path);
  }
  return mains;
}

async function inParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++)
      results[index] = await work(items[index] as Item);
  };
  await Promise.all(Array.from({ length: Math.max(4, 2 * availableParallelism()) }, worker));
  return results;
}

/** Asks in a process of its own, which is ended when it has said nothing for too long. */
function askChild(device: string, deep: boolean, patience: number): Promise<ScanAnswer> {
  const program = fileURLToPath(new URL('./scan-child.js', import.meta.url));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, device, ...(deep ? ['deep'] : [])], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    const giveUp = (message: string) => {
      child.kill('SIGKILL');
      // a process stuck in a request to a dying disk ends only with the request: it must not hold this one back
      child.unref();
      child.stdout.destroy();
      resolve({ kind: 'error', code: 'io', message });
    };
    const late = `${device}: the search has not begun within ${PATIENCE_TO_BEGIN / 1000} s`;
    let timer = setTimeout(giveUp, PATIENCE_TO_BEGIN, late);
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      clearTimeout(timer);
      timer = setTimeout(giveUp, patience, `${device}: no answer within ${patience / 1000} s`);
    });
    child.on('error', (error) => giveUp(`${device}: ${error.message}`));
    child.on('close', () => {
      clearTimeout(timer);
      try {
        resolve(JSON.parse(text.trim()) as ScanAnswer);
      } catch {
        resolve({ kind: 'error', code: 'io', message: `${device}: the search ended without an answer` });
      }
    });
  });
}
