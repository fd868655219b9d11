import { readFileSync } from 'node:fs';
import type { Address } from '../../src/server/listen.js';
import { NbdServer, type ServerEvents, type ServerOptions } from '../../src/server/server.js';
import { nbdUri } from '../../src/server/uri.js';
import type { Scratch } from '../device/scratch.js';
import { type Ended, type RunSettings, runProgram } from '../obligations/run-cli.js';
import { type Faults, FileServedDevice } from '../support/file-served-device.js';
import { assert } from '../support/harness.js';

export interface ServedSettings extends Partial<ServerOptions> {
  readonly size?: number;
  readonly faults?: Faults;
  readonly tcp?: boolean;
}

const SIZE = 1 << 24;

let images = 0;

/** A server in this process, of an image whose every sector holds its own number. */
export class Served {
  readonly image: string;
  readonly device: FileServedDevice;
  readonly server: NbdServer;
  /** What the server told, a line for each event. */
  readonly events: string[] = [];
  readonly address: Exclude<Address, { kind: 'inherited' }>;
  #uri = '';
  readonly #options: ServerOptions;

  static async start(scratch: Scratch, settings: ServedSettings = {}): Promise<Served> {
    const served = new Served(scratch, settings);
    await served.#listen();
    return served;
  }

  private constructor(scratch: Scratch, { size = SIZE, faults, tcp, ...options }: ServedSettings) {
    const number = ++images;
    this.image = scratch.image(`served-${number}`, size);
    this.device = new FileServedDevice(this.image, faults);
    this.#options = { exportName: 'disk', description: 'a disk', maxConnections: 100, ...options };
    this.server = new NbdServer(this.device, this.#options, this.#recorder());
    const path = scratch.path(`socket-${number}`);
    this.address = tcp === true ? { kind: 'tcp', host: '127.0.0.1', port: 0 } : { kind: 'unix', path };
  }

  get uri(): string {
    return this.#uri;
  }

  /** The bytes that lie on the disk. */
  content(): Buffer {
    return readFileSync(this.image);
  }

  /** Runs a client to its end, which has to be a good one; its output. */
  async run(...command: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.tried(command);
    assert.is(code, 0, `${command.join(' ')}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Runs a client to its end, in whose words `URI` is replaced. */
  tried(command: readonly string[], settings?: RunSettings): Promise<Ended> {
    return runProgram(
      command.map((word) => word.replaceAll('URI', this.#uri)),
      settings,
    );
  }

  async stop(grace = 1000): Promise<void> {
    await this.server.stop(grace);
    this.device.close();
  }

  async #listen(): Promise<void> {
    const port = await this.server.listen(this.address);
    const address = port === undefined ? this.address : { ...this.address, port };
    this.#uri = nbdUri(address, this.#options.exportName, this.#options.secure !== undefined);
  }

  #recorder(): ServerEvents {
    const note = (text: string): void => void this.events.push(text);
    return {
      connected: ({ id }) => note(`${id} connected`),
      turnedAway: (_address, text) => note(`turned away: ${text}`),
      attached: ({ id }, agreement) => note(`${id} attached ${agreement.export.name}`),
      failed: ({ id }, { command, offset, length }, errno, text) =>
        note(`${id} command ${command} ${offset}+${length} ${errno} ${text}`),
      disconnected: ({ id }, { cause, text }) => note(`${id} disconnected ${cause}: ${text}`),
    };
  }
}
