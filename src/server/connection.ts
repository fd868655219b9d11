import type { Socket } from 'node:net';
import type { Agreement } from '../nbd/export.js';
import type { HandshakeSettings } from '../nbd/handshake.js';
import type { HangUp } from '../nbd/hang-up.js';
import type { Request } from '../nbd/request.js';
import { Session } from '../nbd/session.js';
import type { ServedDevice } from '../serve/served-device.js';
import type { BufferPool } from './buffer-pool.js';
import { Dispatch } from './dispatch.js';
import { descriptorOf } from './handle.js';
import type { Lookout } from './lookout.js';
import { Sender } from './sender.js';
import { readShared, sharingReads } from './shared-reads.js';
import type { Secure } from './tls.js';

/** What all connections of a server share. */
export interface Premises {
  readonly settings: HandshakeSettings;
  readonly device: ServedDevice;
  readonly memory: BufferPool;
  readonly lookout: Lookout;
  /** Begins TLS on a socket; undefined where it is not configured. */
  readonly secure: Secure | undefined;
  /** Time for a handshake, TLS included, in milliseconds. */
  readonly handshakeTime: number;
}

export interface ConnectionEvents {
  /** The handshake is over. */
  entered(agreement: Agreement): void;
  /** The device could not carry out a request, or a part of it. */
  failed(request: Request, errno: string, text: string): void;
  /** All is over, and nothing is held any more but by requests that the device still carries out. */
  closed(why: HangUp): void;
}

/** How long a client may keep its side open once the server has said its last, in milliseconds. */
const LINGER = 1000;

/**
 * So often a client is answered in a row as long as it takes its replies at once, MOST_WAITING bytes each time;
 * then it is the others' turn.
 */
const MOST_ROUNDS = 8;

/** So long a client is answered whose requests come one after the other, in milliseconds; then it is the others' turn. */
const LONGEST_TURN = 1;

const GONE: HangUp = { cause: 'ended', text: 'the connection is gone' };

/** Before what is said about the end of a connection while TLS is being begun. */
const IN_TLS = 'TLS: ';

/** One client: pumps bytes between its socket and a session, and requests between that and the device. */
export class Connection {
  readonly #premises: Premises;
  readonly #events: ConnectionEvents;
  readonly #session: Session;
  readonly #sender: Sender;
  #socket: Socket;
  #dispatch: Dispatch | undefined;
  /** What the session has not taken yet; the socket is not read from until it has. */
  #rest: Uint8Array | undefined;
  /** The client sends nothing more. */
  #hasEnded = false;
  #isSecuring = false;
  #isScheduled = false;
  #stage: '' | typeof IN_TLS = '';
  #why: HangUp | undefined;
  #timer: NodeJS.Timeout;
  /** Bytes that were read past Node's socket, which knows nothing of them. */
  #receivedAtOnce = 0;
  /** Bytes that had gone in and out when isStalled() was asked last. */
  #progress = -1;

  constructor(accepted: Socket, premises: Premises, events: ConnectionEvents) {
    const socket = sharingReads(accepted, this.#onShared);
    this.#socket = socket;
    this.#premises = premises;
    this.#events = events;
    this.#session = new Session(premises.settings, premises.memory, {
      startTls: () => {
        this.#isSecuring = true;
      },
      enter: (transmission) => {
        clearTimeout(this.#timer);
        const failed = events.failed.bind(events);
        const { device, memory } = premises;
        this.#dispatch = new Dispatch(device, memory, transmission, { answered: this.#pumpLater, failed });
        events.entered(transmission.agreement);
      },
      request: (request) => this.#dispatch?.run(request),
      hangUp: (why) => {
        this.#why = why;
      },
    });
    this.#sender = new Sender(this.#session.outbox, premises.memory, socket, this.#pump);
    this.#timer = setTimeout(() => {
      this.#session.expire();
      this.#pump();
    }, premises.handshakeTime);
    this.#listen(socket);
    this.#pump();
  }

  /** In transmission. */
  get isAttached(): boolean {
    return this.#dispatch !== undefined;
  }

  /** Bytes that have gone in and out: a number that stands still while the client does nothing. */
  get moved(): number {
    const { bytesRead, bytesWritten, writableLength } = this.#socket;
    return bytesRead + this.#receivedAtOnce + bytesWritten - writableLength + this.#sender.sentAtOnce;
  }

  /** Refuses whatever is asked from now on, and hangs up when what is under way has been answered. */
  shutDown(): void {
    this.#session.shutDown();
    this.#pump();
  }

  /** Closes at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Goes on with what it had to leave for want of memory. */
  resume(): void {
    if (this.#rest !== undefined) this.#pump();
  }

  /** The client has neither sent nor taken anything since this was asked last, though it was its turn. */
  isStalled(): boolean {
    const progress = this.moved;
    const isStalled = progress === this.#progress && (this.#sender.isBusy || this.#session.isCut);
    this.#progress = progress;
    return isStalled;
  }

  #listen(socket: Socket): void {
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  readonly #onData = (chunk: Uint8Array): void => {
    this.#rest = chunk;
    this.#pump();
  };

  readonly #onShared = (chunk: Uint8Array): void => {
    this.#takeShared(chunk);
    const { lookout } = this.#premises;
    const looks = lookout.heard(this);
    if (looks > 0) this.#lookForMore(looks);
    lookout.wait();
  };

  #takeShared(chunk: Uint8Array): void {
    this.#onData(chunk);
    // what could not be taken yet must not be written over
    if (this.#rest !== undefined) this.#rest = this.#rest.slice();
  }

  /** Takes what comes next before the event loop tells of it. */
  #lookForMore(looks: number): void {
    const end = performance.now() + LONGEST_TURN;
    for (let left = looks; left > 0 && this.#isOnlyListening; left--) {
      const fd = descriptorOf(this.#socket);
      const chunk = fd === undefined ? undefined : readShared(fd);
      if (chunk === undefined) continue;
      if (chunk instanceof Error) {
        this.#socket.destroy(chunk);
        return;
      }
      this.#receivedAtOnce += chunk.length;
      this.#takeShared(chunk);
      if (performance.now() > end) return;
      left = looks + 1;
    }
  }

  /** Whatever has come was taken and answered. */
  get #isOnlyListening(): boolean {
    const isReading = this.#rest === undefined && this.#why === undefined && !this.#socket.isPaused();
    return isReading && this.#session.isIdle && !this.#sender.isBusy;
  }

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.#pump();
  };

  readonly #onError = (error: Error): void => {
    this.#session.lose(`${this.#stage}${error.message}`);
  };

  readonly #onClose = (): void => {
    this.#session.lose(`${this.#stage}${GONE.text}`);
    clearTimeout(this.#timer);
    this.#rest = undefined;
    this.#sender.abandon();
    this.#premises.lookout.forget(this);
    this.#events.closed(this.#why ?? GONE);
  };

  /** Goes on once the others have had their turn: answers that become ready meanwhile leave together. */
  readonly #pumpLater = (): void => {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  };

  /** Takes in what it can, sends what there is, and does what has become due. */
  readonly #pump = (): void => {
    this.#feed();
    this.#sender.flush();
    if (this.#why !== undefined) this.#hangUp();
    else if (this.#isSecuring && !this.#sender.isBusy) this.#startTls();
  };

  #feed(): void {
    for (let rounds = 0; this.#rest !== undefined; rounds++) {
      if (rounds === MOST_ROUNDS) {
        this.#socket.pause();
        this.#pumpLater();
        return;
      }
      const used = this.#session.receive(this.#rest);
      this.#sender.flush();
      if (used === this.#rest.length) this.#rest = undefined;
      else if (used > 0) this.#rest = this.#rest.subarray(used);
      if (this.#isSecuring || (this.#rest !== undefined && this.#session.isFull)) {
        this.#socket.pause();
        return;
      }
    }
    if (this.#hasEnded) this.#session.end();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #startTls(): void {
    this.#isSecuring = false;
    this.#stage = IN_TLS;
    const plain = this.#socket;
    plain.off('data', this.#onShared).off('end', this.#onEnd);
    if (this.#rest !== undefined) plain.unshift(this.#rest);
    this.#rest = undefined;
    this.#premises.secure?.(plain, (secured) => {
      if (secured instanceof Error) {
        this.#onError(secured);
        plain.destroy();
        return;
      }
      this.#stage = '';
      plain.off('close', this.#onClose);
      this.#socket = secured;
      this.#sender.use(secured);
      secured.on('data', this.#onData);
      this.#listen(secured);
      this.#session.secured();
    });
  }

  /** Closes once all has been sent; what the client sends meanwhile is passed over. */
  #hangUp(): void {
    if (this.#sender.isBusy || this.#socket.writableEnded) return;
    clearTimeout(this.#timer);
    if (this.#socket.destroyed) return;
    this.#socket.end();
    this.#timer = setTimeout(() => this.#socket.destroy(), LINGER);
  }
}
