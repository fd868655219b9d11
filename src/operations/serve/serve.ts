import { ControlServer } from '../../control/server.js';
import type { MigrationFacts } from '../../serve/live-migration.js';
import type { Address } from '../../server/listen.js';
import { NbdServer, type ServerEvents } from '../../server/server.js';
import type { Secure } from '../../server/tls.js';
import type { Bytes } from '../../units.js';
import type { Status } from '../status.js';
import { controlled } from './controlled.js';
import { liveStatus } from './live-status.js';
import type { OpenSet } from './open-set.js';
import { SurfaceScan } from './surface-scan.js';

export interface ServeOptions {
  readonly exportName: string;
  readonly description: string;
  readonly nbd: readonly Address[];
  /** Undefined: nobody can send messages. */
  readonly control: Address | undefined;
  readonly secure: Secure | undefined;
  readonly maxConnections: number;
  /** Told when a migration has ended. */
  readonly migrated: (facts: MigrationFacts) => void;
  /** Bytes a second that the surface scan reads at most; undefined: there is none. */
  readonly scan: Bytes | undefined;
}

/** How long clients have to end what is under way when the server stops, in milliseconds. */
const GRACE = 30_000;

/** A set on its sockets, from the first client to the last commit. */
export class ServedSet {
  readonly #opened: OpenSet;
  readonly #nbd: NbdServer;
  readonly #control: ControlServer;
  readonly #scan: SurfaceScan | undefined;
  readonly #asked: Promise<void>;
  #ask: () => void = () => {};
  /** Ports that were found where an address named none, by the place of the address. */
  readonly #ports: (number | undefined)[] = [];

  private constructor(opened: OpenSet, options: ServeOptions, events: ServerEvents) {
    this.#opened = opened;
    const { device } = opened.set;
    this.#nbd = new NbdServer(device, nbdOptions(options), events);
    this.#scan =
      options.scan === undefined
        ? undefined
        : new SurfaceScan(device, options.scan, () => this.#nbd.activity);
    this.#asked = new Promise((resolve) => {
      this.#ask = resolve;
    });
    this.#control = new ControlServer(
      controlled({
        set: opened.set,
        clients: () => this.#nbd.attached,
        scanPercent: () => this.#percent,
        stop: () => this.#ask(),
        targets: opened.targets,
        migrated: options.migrated,
      }),
    );
  }

  /**
   * Begins to accept clients. The set is closed where that fails.
   *
   * @throws DmremapError as listen()
   */
  static async start(opened: OpenSet, options: ServeOptions, events: ServerEvents): Promise<ServedSet> {
    const served = new ServedSet(opened, options, events);
    try {
      for (const address of options.nbd) served.#ports.push(await served.#nbd.listen(address));
      if (options.control !== undefined) await served.#control.listen(options.control);
    } catch (error) {
      await served.close().catch(() => undefined);
      throw error;
    }
    void served.#scan?.run();
    return served;
  }

  /** The port of the address at this place of the options. */
  portOf(index: number): number | undefined {
    return this.#ports[index];
  }

  get status(): Status {
    return liveStatus(this.#opened.set.facts, this.#percent);
  }

  /** Clients that are attached. */
  get clients(): number {
    return this.#nbd.attached;
  }

  /** Resolves when an operator asks the server to stop. */
  get asked(): Promise<void> {
    return this.#asked;
  }

  /**
   * Answers what is under way, lets all clients go, saves, and closes the devices.
   *
   * @throws DmremapError where the last commit failed
   */
  async close(): Promise<void> {
    this.#scan?.stop();
    await Promise.all([this.#nbd.stop(GRACE), this.#control.stop()]);
    await this.#opened.set.close();
  }

  get #percent(): number {
    return this.#scan?.percent ?? 0;
  }
}

function nbdOptions({ exportName, description, maxConnections, secure }: ServeOptions) {
  return { exportName, description, maxConnections, ...(secure === undefined ? {} : { secure }) };
}
