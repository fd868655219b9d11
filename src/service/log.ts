import { open, stat } from 'node:fs/promises';
import { type Logger, pino } from 'pino';
import { DmremapError } from '../errors.js';
import type { HangUp } from '../nbd/hang-up.js';
import type { MigrationFacts } from '../serve/live-migration.js';
import type { Client, ServerEvents } from '../server/server.js';

export type { Logger };

export type Level = 'debug' | 'info' | 'error';

/**
 * What happens to a server, one JSON object a line; to a file, behind what other servers have logged there, or to
 * standard error.
 *
 * @throws DmremapError `usage` where the file is a block device, or holds something else than a log
 */
export async function openLog(path: string | undefined, level: Level): Promise<Logger> {
  if (path !== undefined) await refuseOther(path);
  const destination = pino.destination({ dest: path ?? 2, append: true, mkdir: false, sync: true });
  // the terminal may be gone, or the disk full: that ends no server
  destination.on('error', () => {});
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

/** Logs how a migration has ended. */
export function loggedMigration(log: Logger): (facts: MigrationFacts) => void {
  return ({ phase, target, failure }) => {
    if (phase === 'failed') log.error({ target, error: String(failure) }, 'the migration failed');
    else log.info({ target }, phase === 'done' ? 'the set has moved' : 'the migration was cancelled');
  };
}

/** A log begins with this: the lines are JSON objects. */
const FIRST = '{';

/** A file is added to only where it is empty or a log: what comes behind an image would change its size. */
async function refuseOther(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isBlockDevice() === true)
    throw new DmremapError('usage', `${path} is a block device: a log goes to files only`);
  if (found?.isFile() !== true || found.size === 0) return;
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new DmremapError('permission', `${path} cannot be read`, { cause });
  });
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 0);
    if (buffer.toString('latin1') !== FIRST)
      throw new DmremapError('usage', `${path} is there already, and is no log`);
  } finally {
    await file.close();
  }
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
