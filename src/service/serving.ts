import type { CacheMode } from '../device/concurrent-file.js';
import { DmremapError } from '../errors.js';
import { hasExtension, ZERO_UUID } from '../format/header.js';
import { LONGEST_STRING } from '../nbd/protocol.js';
import { type OpenSet, type OpenSetOptions, openSet } from '../operations/serve/open-set.js';
import { isLoopback, nameOf, type Places, placesFor, refuseOpenPort } from '../operations/serve/places.js';
import { ServedSet, type ServeOptions } from '../operations/serve/serve.js';
import type { RemapMode } from '../remap/policy.js';
import { addressText } from '../server/listen.js';
import type { SocketName } from '../server/socket-name.js';
import { readCertificates, readPreSharedKeys, type Secure, secureWith } from '../server/tls.js';
import { nbdUri, reachable } from '../server/uri.js';
import type { Bytes } from '../units.js';
import { loggedEvents, loggedMigration, loggedRemapping, type OpenLog, openLog } from './log.js';
import { boundMemory } from './memory.js';
import { Metrics } from './metrics.js';
import { notify } from './notify.js';
import { writePidFile } from './pid-file.js';
import { goAhead } from './priority.js';
import { runClient } from './run-client.js';

/** The flags of cli.md, “Serving”, as they were parsed. */
export interface ServingOptions {
  readonly main?: string | undefined;
  readonly 'accept-main'?: string | undefined;
  readonly unix?: string | undefined;
  readonly port?: number | undefined;
  readonly bind: string;
  readonly export: string;
  readonly 'read-only': boolean;
  readonly plan?: string | undefined;
  readonly remap: RemapMode;
  readonly cache?: CacheMode | undefined;
  /** Bytes a second. */
  readonly scan?: Bytes | undefined;
  /** Seconds. */
  readonly 'save-interval': number;
  readonly control?: string | undefined;
  readonly 'tls-certificates'?: string | undefined;
  readonly 'tls-psk'?: string | undefined;
  readonly insecure: boolean;
  readonly 'max-connections': number;
  readonly run?: string | undefined;
  readonly 'pid-file'?: string | undefined;
  readonly 'log-file'?: string | undefined;
  readonly metrics?: string | undefined;
  readonly verbose: boolean;
  readonly quiet: boolean;
  /** Raised where the server is to stop. */
  readonly signal: AbortSignal;
  /** Unix seconds. */
  readonly now: () => bigint;
}

/** What there is to be told of a server that accepts clients. */
export interface ServingFacts {
  /** Of each address. */
  readonly uris: readonly string[];
  /** Where clients find it; none where the names of systemd's sockets cannot be told. */
  readonly addresses: readonly SocketName[];
  /** How clients prove who they are. */
  readonly tls: 'certificates' | 'keys' | undefined;
  readonly exportName: string;
  readonly isReadOnly: boolean;
  readonly control: SocketName | undefined;
  /** Where Prometheus finds metrics; undefined where there are none. */
  readonly metricsUrl: string | undefined;
  readonly setUuid: string | undefined;
  readonly warnings: readonly string[];
}

/** A server with all that belongs to its process: log, metrics, pid file, the command that it lives for. */
export class Serving {
  readonly facts: ServingFacts;
  readonly #served: ServedSet;
  readonly #options: ServingOptions;
  readonly #log: OpenLog;
  readonly #metrics: Metrics | undefined;
  readonly #removePidFile: () => Promise<void>;

  private constructor(
    served: ServedSet,
    options: ServingOptions,
    parts: {
      readonly facts: ServingFacts;
      readonly log: OpenLog;
      readonly metrics: Metrics | undefined;
      readonly removePidFile: () => Promise<void>;
    },
  ) {
    this.#served = served;
    this.#options = options;
    this.#log = parts.log;
    this.#metrics = parts.metrics;
    this.#removePidFile = parts.removePidFile;
    this.facts = parts.facts;
  }

  /**
   * Opens the set and begins to accept clients. Nothing is left behind where that fails.
   *
   * @throws DmremapError as openSet, placesFor and ServedSet.start
   */
  static async start(spare: string, options: ServingOptions): Promise<Serving> {
    // what was typed wrong is said before the set is opened, which is a commit
    refuseLongName(options.export);
    const secure = await secureBy(options);
    refuseOpenPort({ ...options, isSecure: secure !== undefined });
    const measured = metricsAddress(options);
    const level = options.quiet ? 'error' : options.verbose ? 'debug' : 'info';
    const log = await openLog(options['log-file'], level);
    const { lines } = log;
    boundMemory();
    const opened = await openSet(spare, setOptions(options, loggedRemapping(lines)));
    const places = await placesOf(opened, options, secure !== undefined);
    const wanted = { ...serveOptions(options, places, secure), migrated: loggedMigration(lines) };
    const served = await ServedSet.start(opened, wanted, loggedEvents(lines));
    try {
      const found = factsOf(opened, served, places, options, secure !== undefined);
      const metered = await meter(measured, found.setUuid ?? spare, served);
      const metrics = metered?.metrics;
      const facts = { ...found, metricsUrl: metered?.url };
      const pidFile = options['pid-file'];
      const removePidFile = pidFile === undefined ? async () => {} : await writePidFile(pidFile);
      // what was started until now is none of it
      goAhead();
      notify('READY=1');
      lines.info({ uris: facts.uris, remaps: served.status.remapped }, 'accepts clients');
      return new Serving(served, options, { facts, log, metrics, removePidFile });
    } catch (error) {
      await served.close().catch(() => undefined);
      await log.end();
      throw error;
    }
  }

  /**
   * Serves until a signal, an operator or the end of its command stops it. Gives the exit code.
   *
   * @throws DmremapError where the last commit failed
   */
  async run(): Promise<number> {
    const { run, signal } = this.#options;
    const client = run === undefined ? undefined : runClient(run, this.facts.uris[0] ?? '');
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve());
    });
    const code = await Promise.race([
      stopped.then(() => 0),
      this.#served.asked.then(() => 0),
      ...(client === undefined ? [] : [client.ended]),
    ]);
    // it may need the disk to come to its end
    await client?.stop();
    await this.#close();
    return code;
  }

  async #close(): Promise<void> {
    notify('STOPPING=1');
    const { lines } = this.#log;
    lines.info('stopping');
    try {
      await this.#served.close();
      lines.info({ remaps: this.#served.status.remapped }, 'stopped');
    } catch (error) {
      lines.error({ error: String(error) }, 'the last commit failed');
      throw error;
    } finally {
      this.#metrics?.close();
      await this.#removePidFile();
      await this.#log.end();
    }
  }
}

function refuseLongName(name: string): void {
  if (Buffer.byteLength(name) > LONGEST_STRING)
    throw new DmremapError('usage', `--export: a name has ${LONGEST_STRING} bytes at most`);
}

/** Milliseconds that a timer can wait; it does not wait at all for more. */
const LONGEST_WAIT = 2 ** 31 - 1;

function setOptions(options: ServingOptions, remapped: OpenSetOptions['remapped']): OpenSetOptions {
  return {
    main: options.main,
    acceptMain: options['accept-main'],
    readOnly: options['read-only'],
    plan: options.plan,
    remap: options.remap,
    cache: options.cache,
    saveInterval: Math.min(options['save-interval'] * 1000, LONGEST_WAIT),
    now: options.now,
    remapped,
  };
}

/** Where nobody can come in, the devices are closed again. */
async function placesOf(
  { set, header }: OpenSet,
  options: ServingOptions,
  isSecure: boolean,
): Promise<Places> {
  try {
    return await placesFor(header, { ...options, isSecure });
  } catch (error) {
    await set.close().catch(() => undefined);
    throw error;
  }
}

function serveOptions(
  options: ServingOptions,
  { nbd, control }: Places,
  secure: Secure | undefined,
): Omit<ServeOptions, 'migrated'> {
  return {
    exportName: options.export,
    description: 'remapped by dmremap',
    nbd,
    control,
    secure,
    maxConnections: options['max-connections'],
    scan: options.scan,
  };
}

async function secureBy(options: ServingOptions): Promise<Secure | undefined> {
  const { 'tls-certificates': folder, 'tls-psk': file } = options;
  if (folder !== undefined) return secureWith(await readCertificates(folder));
  return file === undefined ? undefined : secureWith(await readPreSharedKeys(file));
}

function factsOf(
  { header, main, recovered, holder }: OpenSet,
  served: ServedSet,
  { nbd, control }: Places,
  options: ServingOptions,
  isSecure: boolean,
): Omit<ServingFacts, 'metricsUrl'> {
  const addresses = nbd.flatMap((address, place) => {
    const name = nameOf(address);
    if (name?.kind !== 'tcp') return name ?? [];
    return { ...name, host: reachable(name.host), port: served.portOf(place) ?? name.port };
  });
  const { 'tls-certificates': certificates, 'tls-psk': keys } = options;
  return {
    uris: addresses.map((address) => nbdUri(address, options.export, isSecure)),
    addresses,
    tls: certificates !== undefined ? 'certificates' : keys !== undefined ? 'keys' : undefined,
    exportName: options.export,
    isReadOnly: options['read-only'],
    control: nameOf(control),
    setUuid: hasExtension(header) && header.set_uuid !== ZERO_UUID ? header.set_uuid : undefined,
    warnings: [
      ...main.warnings,
      ...recovered.map((step) => `in memory only: ${step}`),
      ...(holder === undefined ? [] : [`the spare is in use, and may change unseen: ${holder}`]),
    ],
  };
}

const METRICS_HOST = '127.0.0.1';

interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

function metricsAddress({ metrics, insecure }: ServingOptions): TcpAddress | undefined {
  if (metrics === undefined) return undefined;
  const [, host = METRICS_HOST, port = ''] = /^(?:\[?(.*?)\]?:)?(\d+)$/.exec(metrics) ?? [];
  if (port === '' || Number(port) > 65_535)
    throw new DmremapError('usage', `--metrics ${metrics} is not [ADDR:]PORT`);
  if (!insecure && !isLoopback(host))
    throw new DmremapError('usage', `${host} is no loopback address`, {
      hint: '--insecure shows the metrics to everybody who can reach it',
    });
  return { host, port: Number(port) };
}

async function meter(
  address: TcpAddress | undefined,
  set: string,
  served: ServedSet,
): Promise<{ readonly metrics: Metrics; readonly url: string } | undefined> {
  if (address === undefined) return undefined;
  const metrics = new Metrics(set, () => ({ status: served.status, clients: served.clients }));
  const port = await metrics.listen(address.host, address.port);
  return { metrics, url: `http://${addressText({ kind: 'tcp', host: address.host, port })}/metrics` };
}
