import type { Server, Socket } from 'node:net';
import type { Agreement, Export } from '../nbd/export.js';
import type { HangUp } from '../nbd/hang-up.js';
import type { Request } from '../nbd/request.js';
import type { ServedDevice } from '../serve/served-device.js';
import { BufferPool } from './buffer-pool.js';
import { Connection, type Premises } from './connection.js';
import { type Address, listen } from './listen.js';
import { Lookout } from './lookout.js';
import type { Secure } from './tls.js';

/** A client while it is connected. */
export interface Client {
  /** Counts up from 1. */
  readonly id: number;
  /** Where it is; undefined on a Unix socket. */
  readonly address: string | undefined;
}

/** What a server has to tell: for a log, and for those who count. */
export interface ServerEvents {
  connected(client: Client): void;
  /** A client was not let in. */
  turnedAway(address: string | undefined, text: string): void;
  attached(client: Client, agreement: Agreement): void;
  /** The device could not carry out a request, or a part of it. */
  failed(client: Client, request: Request, errno: string, text: string): void;
  disconnected(client: Client, why: HangUp): void;
}

export interface ServerOptions {
  /** The name that clients ask for; the empty name finds it too. */
  readonly exportName: string;
  readonly description: string;
  readonly secure?: Secure;
  readonly maxConnections: number;
  /** Time for a handshake, in milliseconds. */
  readonly handshakeTime?: number;
  /** Bytes that all clients together may hold in requests and replies. */
  readonly memoryLimit?: number;
  /** How long a client may hold what others wait for without sending or taking anything, in milliseconds. */
  readonly patience?: number;
}

const HANDSHAKE_TIME = 30_000;

const MEMORY_LIMIT = 2 ** 28;

const PATIENCE = 5000;

/** Serves a device to NBD clients, over any number of sockets. */
export class NbdServer {
  readonly #premises: Premises;
  readonly #options: ServerOptions;
  readonly #events: ServerEvents;
  readonly #memory: BufferPool;
  readonly #listeners: Server[] = [];
  readonly #connections = new Map<Connection, Client>();
  #connected = 0;
  #isWaking = false;
  /** Runs while memory is tight. */
  #patience: NodeJS.Timeout | undefined;
  #onAllGone: (() => void) | undefined;

  constructor(device: ServedDevice, options: ServerOptions, events: ServerEvents) {
    this.#options = options;
    this.#events = events;
    this.#memory = new BufferPool(options.memoryLimit ?? MEMORY_LIMIT, {
      tight: () => this.#startPatience(),
      eased: () => this.#wake(),
    });
    this.#premises = {
      settings: {
        exports: [exportOf(device, options)],
        tls: options.secure === undefined ? 'off' : 'required',
      },
      device,
      memory: this.#memory,
      lookout: new Lookout(),
      secure: options.secure,
      handshakeTime: options.handshakeTime ?? HANDSHAKE_TIME,
    };
  }

  /** See listen(); gives the port that was found where the address names none. */
  async listen(address: Address): Promise<number | undefined> {
    const listener = await listen(address, {
      client: (socket) => this.#admit(socket),
      lost: (error) => this.#events.turnedAway(undefined, error.message),
    });
    this.#listeners.push(listener);
    const bound = listener.address();
    return typeof bound === 'object' ? bound?.port : undefined;
  }

  /** Clients in transmission. */
  get attached(): number {
    let count = 0;
    for (const connection of this.#connections.keys()) if (connection.isAttached) count++;
    return count;
  }

  /** A number that stands still while no client does anything. */
  get activity(): number {
    let sum = this.#connected;
    for (const connection of this.#connections.keys()) sum += connection.moved;
    return sum;
  }

  /** Bytes that clients hold in requests and replies, in whole buffers. */
  get memoryInUse(): number {
    return this.#memory.out;
  }

  /**
   * Lets nobody in any more, refuses further requests, and resolves when those under way have been answered
   * and all clients are gone.
   * @param grace after which connections are closed whatever goes on, in milliseconds
   */
  async stop(grace: number): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    for (const connection of this.#connections.keys()) connection.shutDown();
    const gone = new Promise<void>((resolve) => {
      this.#onAllGone = resolve;
    });
    const timer = setTimeout(() => this.#destroyAll(), grace);
    this.#checkGone();
    await gone;
    clearTimeout(timer);
    clearInterval(this.#patience);
  }

  #admit(socket: Socket): void {
    const address = addressOf(socket);
    const { maxConnections } = this.#options;
    if (this.#connections.size >= maxConnections) {
      socket.destroy();
      this.#events.turnedAway(address, `there are ${maxConnections} clients already`);
      return;
    }
    const client: Client = { id: ++this.#connected, address };
    this.#events.connected(client);
    const connection: Connection = new Connection(socket, this.#premises, {
      entered: (agreement) => this.#events.attached(client, agreement),
      failed: (request, errno, text) => this.#events.failed(client, request, errno, text),
      closed: (why) => {
        this.#connections.delete(connection);
        this.#events.disconnected(client, why);
        this.#checkGone();
      },
    });
    this.#connections.set(connection, client);
  }

  /** While the server stops: those that only negotiate hold nobody up. */
  #checkGone(): void {
    if (this.#onAllGone === undefined) return;
    if (this.#connections.size === 0) this.#onAllGone();
    else if (this.attached === 0) this.#destroyAll();
  }

  #destroyAll(): void {
    for (const connection of this.#connections.keys()) connection.destroy();
  }

  /** Lets those go on who wait for memory, once for all that came back in this turn. */
  #wake(): void {
    if (this.#isWaking) return;
    this.#isWaking = true;
    setImmediate(() => {
      this.#isWaking = false;
      for (const connection of this.#connections.keys()) connection.resume();
    });
  }

  #startPatience(): void {
    this.#patience ??= setInterval(() => this.#losePatience(), this.#options.patience ?? PATIENCE);
  }

  /** Who holds memory that others wait for, and does nothing, is let go. */
  #losePatience(): void {
    if (!this.#memory.isTight) {
      clearInterval(this.#patience);
      this.#patience = undefined;
    }
    for (const connection of this.#connections.keys())
      if (connection.isStalled() && this.#memory.isTight) connection.destroy();
  }
}

function exportOf(device: ServedDevice, { exportName, description }: ServerOptions): Export {
  const { size, readOnly, rotational, preferredBlock } = device;
  // a flush is the device's, whoever asks for it
  return { name: exportName, description, size, readOnly, rotational, preferredBlock, multiConn: true };
}

function addressOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} port ${remotePort}`;
}
