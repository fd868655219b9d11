import type { MigrationFacts } from '../../serve/live-migration.js';

/** How far a migration is, as it is told and read again. */
export interface ToldMigration {
  /** As of MigrationFacts; `none` where there has been none. */
  readonly phase: string;
  /** Bytes. */
  readonly done: number;
  readonly total: number;
}

/** The answer to `migrate-status`: the phase, bytes done and in all, the device, and why it failed. */
export function migrationLine(facts: MigrationFacts | undefined): string {
  if (facts === undefined) return 'none';
  const { phase, done, total, target, failure } = facts;
  const why = phase === 'failed' && failure !== undefined ? `: ${failure.message}` : '';
  return `${phase} ${done}/${total} ${target}${why}`;
}

/** What such an answer says; undefined where it is none. */
export function readMigrationLine(line: string): ToldMigration | undefined {
  if (line === 'none') return { phase: 'none', done: 0, total: 0 };
  const [, phase, done, total] = /^([a-z]+) (\d+)\/(\d+) ./.exec(line) ?? [];
  return phase === undefined ? undefined : { phase, done: Number(done), total: Number(total) };
}
