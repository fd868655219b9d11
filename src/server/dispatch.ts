import { ALLOCATION } from '../nbd/contexts.js';
import { errorFor } from '../nbd/errno.js';
import type { Memory } from '../nbd/memory.js';
import { COMMAND, COMMAND_FLAG } from '../nbd/protocol.js';
import type { Gap } from '../nbd/read-reply.js';
import type { Request } from '../nbd/request.js';
import type { Transmission } from '../nbd/transmission.js';
import { type Lack, RequestFailed, type ServedDevice } from '../serve/served-device.js';
import { type Bytes, bytes } from '../units.js';

export interface DispatchEvents {
  /** A request that had to wait for the device has been answered. */
  answered(): void;
  /** The device could not carry out a request, or a part of it. */
  failed(request: Request, errno: string, text: string): void;
}

/**
 * Carries requests out on a device and answers them: at once where the device need not wait for a medium, so
 * that the common case costs no turn of the event loop and no promise.
 */
export class Dispatch {
  readonly #device: ServedDevice;
  readonly #memory: Memory;
  readonly #transmission: Transmission;
  readonly #events: DispatchEvents;

  constructor(device: ServedDevice, memory: Memory, transmission: Transmission, events: DispatchEvents) {
    this.#device = device;
    this.#memory = memory;
    this.#transmission = transmission;
    this.#events = events;
  }

  /** Never throws; the answer comes now or later. */
  run(request: Request): void {
    const at = bytes(request.offset);
    const { length } = request;
    const fua = request.has(COMMAND_FLAG.FUA);
    switch (request.command) {
      case COMMAND.READ:
        this.#read(request);
        break;
      case COMMAND.WRITE:
        this.#write(request, at, fua);
        break;
      case COMMAND.FLUSH:
        this.#await(request, this.#device.flush());
        break;
      case COMMAND.TRIM:
        this.#await(request, this.#device.trim(at, length, fua));
        break;
      case COMMAND.WRITE_ZEROES:
        this.#await(request, this.#writeZeroes(request, fua));
        break;
      case COMMAND.CACHE:
        this.#await(request, this.#device.cache(at, length));
        break;
      case COMMAND.BLOCK_STATUS:
        this.#status(request);
    }
  }

  #read(request: Request): void {
    const at = bytes(request.offset);
    const into = this.#memory.take(request.length);
    if (this.#device.tryRead(at, into)) {
      this.#transmission.finishRead(request, into);
      return;
    }
    this.#device
      .read(at, into)
      .then(
        (lacks) => this.#finishRead(request, into, lacks),
        (error: unknown) => {
          this.#memory.giveBack(into);
          this.#fail(request, error);
        },
      )
      .then(this.#events.answered);
  }

  #write(request: Request, at: Bytes, fua: boolean): void {
    if (!fua && this.#device.tryWrite(at, request.payload)) {
      this.#transmission.succeed(request);
      return;
    }
    request.keep(this.#memory);
    this.#await(request, this.#device.write(at, request.payload, fua));
  }

  #finishRead(request: Request, into: Uint8Array, lacks: readonly Lack[]): void {
    for (const { errno, text } of lacks) this.#events.failed(request, errno, text);
    const gaps = lacks.map(
      ({ at, length, errno, text }): Gap => ({
        at,
        length,
        failure: { error: errorFor(errno, request), text },
      }),
    );
    this.#transmission.finishRead(request, into, gaps);
  }

  #writeZeroes(request: Request, fua: boolean): Promise<void> {
    return this.#device.writeZeroes(bytes(request.offset), request.length, {
      fua,
      mayPunch: !request.has(COMMAND_FLAG.NO_HOLE),
      fast: request.has(COMMAND_FLAG.FAST_ZERO),
    });
  }

  #status(request: Request): void {
    const at = bytes(request.offset);
    const { contexts } = this.#transmission.agreement;
    const allocation = contexts.includes(ALLOCATION) ? this.#device.allocation(at, request.length) : [];
    Promise.resolve(allocation)
      .then(
        (allocated) =>
          this.#transmission.finishStatus(request, (context) =>
            context === ALLOCATION ? allocated : this.#device.sectors(at, request.length),
          ),
        (error: unknown) => this.#fail(request, error),
      )
      .then(this.#events.answered);
  }

  /** Answers once the device has. */
  #await(request: Request, work: Promise<void>): void {
    work
      .then(
        () => this.#transmission.succeed(request),
        (error: unknown) => this.#fail(request, error),
      )
      .then(this.#events.answered);
  }

  #fail(request: Request, error: unknown): void {
    const known = error instanceof RequestFailed;
    const errno = known ? error.errno : 'EIO';
    const text = error instanceof Error ? error.message : String(error);
    this.#events.failed(request, errno, text);
    const offset = known && error.at !== undefined ? request.offset + error.at : undefined;
    this.#transmission.fail(request, { error: errorFor(errno, request), text }, offset);
  }
}
