import { describeFailure } from '../report.js';
import type { Terminal } from '../terminal.js';
import { continued } from './check.js';
import { stringifyJson } from './json.js';
import { shellCommand } from './text.js';

/** Where clients or operators find a server. */
type Place =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** What there is to be told of a server that accepts clients. */
export interface Served {
  readonly uris: readonly string[];
  readonly addresses: readonly Place[];
  /** How clients prove who they are. */
  readonly tls: 'certificates' | 'keys' | undefined;
  readonly exportName: string;
  readonly isReadOnly: boolean;
  readonly control: Place | undefined;
  readonly metricsUrl: string | undefined;
  readonly setUuid: string | undefined;
}

/** What to type next: to attach the device, to mount it, and to stop. */
export function serveHints(served: Served, terminal: Terminal): string {
  const attaching = served.addresses.flatMap((place) => attachingTo(place, served));
  const stop = stopping(served);
  const lines = [
    ...attaching.map((words) => `attach:  ${shellCommand(words)}`),
    ...(attaching.length === 0 ? [] : [`mount:   mount ${served.isReadOnly ? '-o ro ' : ''}/dev/nbd0 /mnt`]),
    ...credentials(served).map((words) => `tls:     ${shellCommand(words)}`),
    ...(served.metricsUrl === undefined ? [] : [`metrics: ${served.metricsUrl}`]),
    ...(stop === undefined ? [] : [`stop:    ${stop}`]),
  ];
  return `${lines.map((line) => continued(line, terminal)).join('\n')}\n`;
}

/** None with pre-shared keys, which nbd-client does not know. */
function attachingTo(place: Place, { exportName, tls }: Served): string[][] {
  if (tls === 'keys') return [];
  const where = place.kind === 'unix' ? ['-unix', place.path] : [place.host, String(place.port)];
  const name = exportName === '' ? [] : ['-N', exportName];
  return [['nbd-client', ...where, '/dev/nbd0', ...name, ...(tls === undefined ? [] : certificates(place))]];
}

/** What nbd-client shows and verifies; a Unix socket has no host name that the server's certificate could hold. */
function certificates({ kind }: Place): string[] {
  const files = ['-certfile', 'client-cert.pem', '-keyfile', 'client-key.pem', '-cacertfile', 'ca-cert.pem'];
  return kind === 'unix' ? [...files, '-tlshostname', 'NAME'] : files;
}

/** A client's command, whose URIs have what it has to add to them (doc/uri.md of NetworkBlockDevice/nbd). */
function credentials({ uris, tls }: Served): string[][] {
  if (tls === undefined) return [];
  return uris.map((uri) => {
    const more = `${uri}${uri.includes('?') ? '&' : '?'}`;
    if (tls === 'keys') return ['nbdinfo', `${more.replace('://', '://NAME@')}tls-psk-file=FILE`];
    return [
      'nbdinfo',
      `${more}tls-certificates=DIR${uri.includes('+unix:') ? '&tls-verify-peer=false' : ''}`,
    ];
  });
}

/** Undefined where systemd's socket for messages is none that ctl could ask. */
function stopping({ control, setUuid }: Served): string | undefined {
  if (control?.kind !== 'unix') return undefined;
  const isOwn = setUuid !== undefined && control.path.endsWith(`/${setUuid}.ctl`);
  const which = isOwn ? ['--set', setUuid] : ['--control', control.path];
  return shellCommand(['dmremap', 'ctl', 'stop', ...which]);
}

/** The NBD URIs, each on a line. */
export function uriLines(uris: readonly string[]): string {
  return uris.map((uri) => `${uri}\n`).join('');
}

export function uriFields(uris: readonly string[]): { uri: string | null; uris: readonly string[] } {
  return { uri: uris[0] ?? null, uris };
}

/**
 * The NBD URIs, as bytes, which are not gathered but written at once; then nothing until the server has ended.
 * Whoever reads it may go before: that ends no server.
 */
export async function* serveText({ uris }: Served, end: Promise<number>): AsyncGenerator<Uint8Array> {
  try {
    if (uris.length > 0) yield Buffer.from(uriLines(uris));
  } finally {
    await end;
  }
}

/** One document, whose beginning is there as soon as clients are accepted; as serveText. */
export async function* serveDocument(
  device: string,
  { uris }: Served,
  end: Promise<number>,
): AsyncGenerator<Uint8Array> {
  try {
    const head = { command: 'serve', device, ...uriFields(uris) };
    yield Buffer.from(`${stringifyJson(head).replace(/\n\}$/, '')},\n`);
    yield Buffer.from(`  "exit_code": ${await end}\n}\n`);
  } catch (error) {
    const { exitCode, error: told } = describeFailure(error, false);
    const rest = stringifyJson({ exit_code: exitCode, error: told }).replace(/^\{\n/, '');
    yield Buffer.from(`${rest}\n`);
    throw error;
  } finally {
    await end;
  }
}
