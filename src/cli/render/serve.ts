import { describeFailure } from '../report.js';
import type { Terminal } from '../terminal.js';
import { continued } from './check.js';
import { stringifyJson } from './json.js';
import { shellCommand } from './text.js';

/** What there is to be told of a server that accepts clients. */
export interface Served {
  readonly uri: string | undefined;
  readonly address:
    | { readonly kind: 'unix'; readonly path: string }
    | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
    | { readonly kind: 'inherited' }
    | undefined;
  readonly exportName: string;
  readonly isReadOnly: boolean;
  readonly control: { readonly kind: string; readonly path?: string };
  readonly metricsUrl: string | undefined;
  readonly setUuid: string | undefined;
}

/** What to type next: to attach the device, to mount it, and to stop. */
export function serveHints(served: Served, terminal: Terminal): string {
  const lines = [
    ...attaching(served).map((words) => `attach:  ${shellCommand(words)}`),
    ...(attaching(served).length === 0
      ? []
      : [`mount:   mount ${served.isReadOnly ? '-o ro ' : ''}/dev/nbd0 /mnt`]),
    ...(served.metricsUrl === undefined ? [] : [`metrics: ${served.metricsUrl}`]),
    `stop:    ${shellCommand(['dmremap', 'ctl', 'stop', ...which(served)])}`,
  ];
  return `${lines.map((line) => continued(line, terminal)).join('\n')}\n`;
}

function attaching({ address, exportName }: Served): string[][] {
  const name = exportName === '' ? [] : ['-N', exportName];
  if (address?.kind === 'unix') return [['nbd-client', '-unix', address.path, '/dev/nbd0', ...name]];
  if (address?.kind === 'tcp')
    return [['nbd-client', address.host, String(address.port), '/dev/nbd0', ...name]];
  return [];
}

function which({ control, setUuid }: Served): string[] {
  if (control.path?.endsWith(`/${setUuid}.ctl`) === true && setUuid !== undefined) return ['--set', setUuid];
  return control.path === undefined ? [] : ['--control', control.path];
}

/**
 * The NBD URI, as bytes, which are not gathered but written at once; then nothing until the server has ended.
 * Whoever reads it may go before: that ends no server.
 */
export async function* serveText({ uri }: Served, end: Promise<number>): AsyncGenerator<Uint8Array> {
  try {
    if (uri !== undefined) yield Buffer.from(`${uri}\n`);
  } finally {
    await end;
  }
}

/** One document, whose beginning is there as soon as clients are accepted; as serveText. */
export async function* serveDocument(
  device: string,
  { uri }: Served,
  end: Promise<number>,
): AsyncGenerator<Uint8Array> {
  try {
    const head = { command: 'serve', device, uri: uri ?? null };
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
