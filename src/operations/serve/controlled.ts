import type { Controlled } from '../../control/controlled.js';
import { ConcurrentFile } from '../../device/concurrent-file.js';
import { DmremapError } from '../../errors.js';
import type { SectorRange } from '../../exchange/quantities.js';
import type { MigrationFacts } from '../../serve/live-migration.js';
import type { RemapSet } from '../../serve/remap-set.js';
import { type Sectors, sectors } from '../../units.js';
import { openNamed } from '../open-device.js';
import { statusLine } from '../status.js';
import { liveStatus } from './live-status.js';
import type { LiveTargets } from './live-target.js';
import { migrationLine } from './migration-line.js';

/** What else of a server its operator can ask for. */
export interface Premises {
  readonly set: RemapSet;
  readonly targets: LiveTargets;
  /** Told when a migration has ended. */
  readonly migrated: (facts: MigrationFacts) => void;
  /** Clients that are attached. */
  readonly clients: () => number;
  readonly scanPercent: () => number;
  /** Begins to stop; returns at once. */
  readonly stop: () => void;
}

/** More sectors than this are not named in one answer. */
const NAMED = 64;

/** Carries out the messages of cli.md, “Serving”, on a set that is served. */
export function controlled(premises: Premises): Controlled {
  const { set, clients, scanPercent, stop } = premises;
  return {
    save: async () => {
      await set.save();
      return `generation ${set.facts.header.generation}`;
    },
    restore: async (discard) => {
      if (discard && clients() > 0)
        throw new DmremapError('busy', `${clients()} clients: restore discard works with none`);
      await set.restore(discard);
      return `${set.facts.remapped} remaps`;
    },
    attach: async (device) => {
      const file = await openNamed(device, 'exclusive');
      try {
        await set.attach(await ConcurrentFile.open(file, 'writeback'));
      } catch (error) {
        await file.close();
        throw error;
      }
      return `${set.facts.remapped} remaps`;
    },
    migrate: async (device) => {
      const { targets, migrated } = premises;
      await set.migrate({
        identity: targets.identity(),
        prepare: (source) => targets.prepare(device, source),
        ended: migrated,
      });
      return 'started';
    },
    migrateStatus: async () => migrationLine(set.facts.migration),
    migrateCancel: async () => {
      await set.cancelMigration();
      const { migration } = set.facts;
      // it may have come to its end, or failed, before it was heard
      if (migration?.phase !== 'cancelled')
        throw new DmremapError('usage', `it is ${migrationLine(migration)}`);
      return 'cancelled';
    },
    status: async () => statusLine(liveStatus(set.facts, scanPercent())),
    remap: async (range) => {
      await set.remap(range.first, range.count);
      return said('remapped', range);
    },
    unremap: async (range) => {
      await set.unremap(range.first, range.count);
      return said('unremapped', range);
    },
    clear: async () => {
      const stay = await set.clear();
      if (stay.size === 0) return 'all sectors are back on main';
      const named = [...stay.keys()].slice(0, NAMED).join(' ');
      throw new DmremapError('io', `${stay.size} sectors stay on the spare: ${named}`);
    },
    verify: async (range) => {
      const lines: string[] = [];
      if (range.first + range.count > set.facts.header.main_device_size)
        throw new DmremapError('usage', `main ends before sector ${range.first + range.count - 1}`);
      for (const sector of sectorsOf(range)) {
        if (lines.length === NAMED) return `${lines.join(', ')}, and more`;
        lines.push(sayWhere(set, sector));
      }
      return lines.join(', ');
    },
    stop: async (force) => {
      if (!force && clients() > 0)
        throw new DmremapError('busy', `${clients()} clients`, {
          hint: 'stop force closes their connections',
        });
      stop();
      return '';
    },
  };
}

function* sectorsOf({ first, count }: SectorRange): Generator<Sectors> {
  for (let sector = first as number; sector < first + count; sector++) yield sectors(sector);
}

function said(done: string, { first, count }: SectorRange): string {
  return count === 1 ? `${done} ${first}` : `${done} ${first}+${count}`;
}

function sayWhere(set: RemapSet, sector: Sectors): string {
  const { spare, isPending, isLost } = set.lookup(sector);
  const state = isLost ? ' lost' : isPending ? ' pending' : '';
  return spare === undefined ? `${sector} main${state}` : `${sector} spare ${spare}${state}`;
}
