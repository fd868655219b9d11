import { ROLE, roleName } from '../../format/header.js';
import type { PairFinding } from '../../migrate/pairs.js';
import type { LooseSpare, ScannedSet, ScanResult } from '../../operations/scan.js';
import type { ScannedHeader, ScannedSpare } from '../../operations/scan-one.js';
import type { Terminal } from '../terminal.js';
import type { JsonObject } from './json.js';
import { type Cell, gridText } from './table.js';
import { shellCommand, wrap } from './text.js';

const HEAD = ['spare', 'role', 'remaps', 'generation', 'state'] as const;

/** Sets with their spares and what to type next; then what has no identity; then what could not be read. */
export function scanText(result: ScanResult, terminal: Terminal): string {
  const parts = result.sets.map((set) => setText(set, terminal));
  if (result.loose.length > 0) parts.push(looseText(result.loose, terminal));
  for (const { device, headers } of result.strays)
    for (const { at, generation, set_uuid } of headers)
      parts.push(
        `${device}: a header lies at byte ${at} (generation ${generation}, set ${set_uuid ?? 'unknown'})`,
      );
  if (parts.length === 0)
    parts.push(`no DMREMAP3 spare was found${result.failures.length === 0 ? '' : ' on what could be read'}`);
  return `${parts.join('\n\n')}\n`;
}

/** Those that belong to no set that is known. */
function looseText(loose: readonly LooseSpare[], terminal: Terminal): string {
  const steps = loose.map(nextFor).filter((line) => line !== undefined);
  return [
    'spares without an identity',
    gridText(HEAD, loose.map(spareRow), terminal),
    ...steps.map((line) => `next: ${line}`),
  ].join('\n');
}

function nextFor({ spare }: LooseSpare): string | undefined {
  if (spare.problems.length === 0) return undefined;
  const { header, lastingName } = spare;
  // without a magic it has no sizes either, and is found by that flag alone
  const isBare = header?.layout === 'module' && header.main_device_size === '0';
  return shellCommand(['dmremap', 'check', ...(isBare ? ['--module'] : []), lastingName]);
}

function setText(set: ScannedSet, terminal: Terminal): string {
  const { id, size, device } = set.main;
  const main =
    id === '' ? 'without an identity' : `${id}${device === null ? ', not attached' : ` (${device})`}`;
  const lines = [`SET=${set.set_uuid}`, `main: ${main}, ${size} sectors`];
  lines.push(gridText(HEAD, set.spares.map(spareRow), terminal));
  for (const move of moves(set.spares)) lines.push(wrap(move, terminal.width));
  for (const finding of set.findings) lines.push(wrap(findingText(finding), terminal.width));
  for (const uuid of set.absentSuccessors)
    lines.push(wrap(`the set moved to SPARE=${uuid}, which is not here`, terminal.width));
  lines.push(`next: ${shellCommand(set.next)}`);
  return lines.join('\n');
}

function spareRow({ device, spare }: LooseSpare): Cell[] {
  const { header } = spare;
  if (header === null) return [device, '-', '-', '-', { text: spare.problems.join(', '), style: 'red' }];
  return [
    device,
    roleName(header.role),
    `${header.entry_count} of ${header.max_entries}`,
    String(header.generation),
    stateCell(spare),
  ];
}

/** The ways that the set has gone, or is going, between spares that are here. */
function* moves(spares: readonly LooseSpare[]): Generator<string> {
  for (const { device, spare } of spares) {
    // where it was cloned there are several
    const peers = spares.filter((other) => other.spare.header?.spare_uuid === spare.header?.peer_uuid);
    if (peers.length === 0) continue;
    const names = peers.map((peer) => peer.device).join(' or ');
    if (spare.header?.role === ROLE.retired) yield `${device} is retired: the set moved to ${names}.`;
    if (spare.header?.role === ROLE.target) yield `${device} is the target of a migration from ${names}.`;
  }
}

function stateCell({ problems, holder }: ScannedSpare): Cell {
  if (problems.length > 0) return { text: problems.join(', '), style: 'red' };
  return holder === null ? { text: 'clean', style: 'green' } : holder;
}

function findingText(finding: PairFinding): string {
  switch (finding.kind) {
    case 'switch-unfinished':
      return `The migration from ${finding.source.name} to ${finding.target.name} is past its commit point but not finished.`;
    case 'source-not-retired':
      return `${finding.source.name} is the predecessor of ${finding.target.name} and is not retired.`;
    case 'clone':
      return `${finding.members.map(({ name }) => name).join(' and ')} are the same spare twice: clones, or two paths to one disk.`;
    case 'contradiction':
      return `No active spare can be told: ${finding.detail}.`;
  }
}

export function scanJson(result: ScanResult): JsonObject {
  return {
    sets: result.sets.map((set) => ({
      set_uuid: set.set_uuid,
      active: set.active,
      main: { ...set.main, size: BigInt(set.main.size) },
      spares: set.spares.map(looseJson),
      findings: set.findings.map(findingJson),
      absent_successors: [...set.absentSuccessors],
      next: shellCommand(set.next),
    })),
    loose: result.loose.map((one) => ({ ...looseJson(one), next: nextFor(one) })),
    strays: result.strays.map(({ device, headers }) => ({ device, headers: headers.map(headerJson) })),
    failures: result.failures.map((failure) => ({ ...failure })),
  };
}

function looseJson({ device, spare }: LooseSpare): JsonObject {
  return {
    device,
    exit_code: spare.exitCode,
    problems: [...spare.problems],
    holder: spare.holder,
    header: spare.header === null ? null : headerJson(spare.header),
  };
}

function headerJson(header: ScannedHeader): JsonObject {
  const { at, role, migration_cursor, main_device_size, ...rest } = header;
  return {
    byte: at,
    role: roleName(role),
    migration_cursor: BigInt(migration_cursor),
    main_device_size: BigInt(main_device_size),
    ...rest,
  };
}

function findingJson(finding: PairFinding): JsonObject {
  const members = 'members' in finding ? finding.members : [finding.source, finding.target];
  return { kind: finding.kind, devices: members.map(({ name }) => name) };
}
