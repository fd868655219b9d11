import { statSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import { DmremapError } from '../errors.js';
import type { HangUp } from '../nbd/hang-up.js';
import type { Client, ServerEvents } from '../server/server.js';

export type { Logger };

export type Level = 'debug' | 'info' | 'error';

/**
 * What happens to a server, one JSON object a line; to a file, or to standard error.
 *
 * @throws DmremapError `usage` where the file is a block device
 */
export function openLog(path: string | undefined, level: Level): Logger {
  if (path !== undefined && statSync(path, { throwIfNoEntry: false })?.isBlockDevice() === true)
    throw new DmremapError('usage', `${path} is a block device: a log goes to files only`);
  const destination = pino.destination({ dest: path ?? 2, append: true, mkdir: false, sync: true });
  // the terminal may be gone, or the disk full: that ends no server
  destination.on('error', () => {});
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
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
