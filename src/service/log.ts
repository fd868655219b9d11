import { type Logger, pino } from 'pino';
import type { HangUp } from '../nbd/hang-up.js';
import type { MigrationFacts } from '../serve/live-migration.js';
import type { Remapping } from '../serve/sector-events.js';
import type { Client, ServerEvents } from '../server/server.js';
import { intoFile, intoStandardError } from './log-place.js';
import { LogSink } from './log-sink.js';

export type Level = 'debug' | 'info' | 'error';

const LACKING = 'lines are missing before this one: they were not taken';

/** A log, and what ends it: all that was logged is there then, if it takes it. */
export interface OpenLog {
  readonly lines: Logger;
  readonly end: () => Promise<void>;
}

/**
 * What happens to a server, one JSON object a line; to a file, or to standard error.
 *
 * @throws DmremapError as intoFile()
 */
export async function openLog(path: string | undefined, level: Level): Promise<OpenLog> {
  const put = path === undefined ? await intoStandardError() : await intoFile(path);
  const sink = new LogSink(put, (count) => lines.error({ lines: count }, LACKING));
  const lines: Logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, sink);
  return { lines, end: () => sink.end() };
}

/** Logs how a migration has ended. */
export function loggedMigration(log: Logger): (facts: MigrationFacts) => void {
  return ({ phase, target, failure }) => {
    if (phase === 'failed') log.error({ target, error: String(failure) }, 'the migration failed');
    else log.info({ target }, phase === 'done' ? 'the set has moved' : 'the migration was cancelled');
  };
}

const REMAPPED: Readonly<Record<Remapping['cause'], string>> = {
  write: 'main did not take these sectors: they live on the spare',
  pending: 'main could not read these sectors: what was written to them lives on the spare',
  salvage: 'main gave these sectors only when it was asked again: they live on the spare',
  spare: 'the spare did not take these sectors: they live elsewhere on it',
};

/** Logs each remap that was made without being asked for. */
export function loggedRemapping(log: Logger): (remapping: Remapping) => void {
  return ({ cause, sector, sectors }) => log.warn({ sector, sectors }, REMAPPED[cause]);
}

/** Logs clients as they come and go, and requests that fail, with the error of the system. */
export function loggedEvents(log: Logger): ServerEvents {
  const who = ({ id, address }: Client) => ({ client: id, address });
  return {
    connected: (client) => log.debug(who(client), 'connected'),
    turnedAway: (address, text) => log.warn({ address }, `turned away: ${text}`),
    attached: (client, agreement) => log.info({ ...who(client), export: agreement.export.name }, 'attached'),
    failed: (client, request, errno, text) =>
      log.error(
        { ...who(client), command: request.command, offset: request.offset, length: request.length, errno },
        text,
      ),
    disconnected: (client, why: HangUp) =>
      log.info({ ...who(client), cause: why.cause }, `gone: ${why.text}`),
  };
}
