import { Tokenizer, TokenParser } from '@streamparser/json';
import { DmremapError } from '../errors.js';
import { ENTRY_SIZE, encodeEntries } from '../format/entry.js';
import { encodeHeader, HEADER, type Header } from '../format/header.js';
import { fromHex } from '../layout/codec.js';

/** What a json dump calls itself. */
export const DUMP_FORMAT = 'dmremap-dump';
export const DUMP_VERSION = 1;

/** The device that a dump was taken from. */
export interface DumpDevice {
  /** In bytes. */
  readonly size: number;
  readonly serial: string | undefined;
}

/** A json dump as `dmremap dump` writes it and `dmremap restore` takes it. */
export interface DumpDocument {
  readonly device: DumpDevice;
  /** Taken from a valid copy. */
  readonly valid: boolean;
  /** The header block, reserved bytes included; checksum and copy as they were. */
  readonly block: Uint8Array;
  readonly table: Uint8Array;
}

/** Integers are kept exact; JSON has no other way to carry 64 bits. */
class ExactTokenizer extends Tokenizer {
  override parseNumber(text: string): number {
    // the parser hands on whatever this gives; its type only knows of number
    return (/^-?\d+$/.test(text) ? BigInt(text) : Number(text)) as number;
  }
}

/** Reads a dump piece by piece: a million entries never become a million objects at once. */
export class DumpReader {
  readonly #tokenizer = new ExactTokenizer();
  readonly #parser = new TokenParser({ paths: ['$.entries.*', '$.*'], keepStack: false });
  readonly #top = new Map<string, unknown>();
  #entries = new Uint8Array(ENTRY_SIZE << 10);
  #length = 0;

  constructor() {
    this.#tokenizer.onToken = this.#parser.write.bind(this.#parser);
    this.#parser.onValue = ({ value, key, stack }) => {
      if (stack.length > 1) this.#addEntry(value);
      else if (key !== 'entries') this.#top.set(String(key), value);
    };
  }

  /** @throws DmremapError `usage` where the text is no dump */
  write(text: string | Uint8Array): void {
    try {
      this.#tokenizer.write(text);
    } catch (error) {
      throw error instanceof DmremapError
        ? error
        : notADump(error instanceof Error ? error.message : 'not JSON');
    }
  }

  /** @throws DmremapError `usage` where something is missing: a dump that was cut short is no dump */
  finish(): DumpDocument {
    if (this.#top.get('format') !== DUMP_FORMAT || this.#top.get('dump_version') !== BigInt(DUMP_VERSION))
      throw notADump(`format is not ${DUMP_FORMAT} ${DUMP_VERSION}`);
    if (this.#top.get('complete') === false)
      throw notADump('it says that it is not complete: entries are missing, or it is a mixture');
    if (this.#top.get('complete') !== true || !this.#parser.isEnded)
      throw notADump('it does not end with "complete": true, so it was cut short');
    const device = asObject(this.#top.get('device'), 'device');
    const header = asObject(this.#top.get('header'), 'header');
    const count = this.#length / ENTRY_SIZE;
    if (count !== Number(header['entry_count']))
      throw notADump(`it has ${count} entries, its header names ${header['entry_count']}`);
    return {
      device: {
        size: Number(device['size'] ?? 0),
        serial: typeof device['serial'] === 'string' ? device['serial'] : undefined,
      },
      valid: this.#top.get('valid') === true,
      block: readBlock(header, this.#top.get('reserved')),
      table: this.#entries.subarray(0, this.#length),
    };
  }

  #addEntry(value: unknown): void {
    const entry = asObject(value, 'entries');
    const [main, spare] = [entry['main_sector'], entry['spare_sector']];
    if (typeof main !== 'bigint' || typeof spare !== 'bigint')
      throw notADump('an entry has no two sector numbers');
    if (main < 0n || spare < 0n || main >= 1n << 64n || spare >= 1n << 64n)
      throw notADump('an entry does not fit 64 bits');
    if (this.#length === this.#entries.length) {
      const larger = new Uint8Array(this.#entries.length * 2);
      larger.set(this.#entries);
      this.#entries = larger;
    }
    this.#entries.set(encodeEntries([[main, spare]]), this.#length);
    this.#length += ENTRY_SIZE;
  }
}

function notADump(reason: string): DmremapError {
  return new DmremapError('usage', `the input is not a whole dump: ${reason}`, {
    hint: 'a dump for restore is made with: dmremap dump SPARE -o FILE',
  });
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw notADump(`${what} is missing`);
  return value as Record<string, unknown>;
}

function readBlock(fields: Record<string, unknown>, reserved: unknown): Uint8Array {
  const values: Record<string, unknown> = {};
  for (const { name, kind } of HEADER.fields) {
    if (kind === 'zero') continue;
    const value = fields[name];
    if (value === undefined) throw notADump(`header has no ${name}`);
    values[name] = kind === 'u32' ? Number(value) : value;
  }
  try {
    const block = encodeHeader(values as Partial<Header>);
    for (const part of Array.isArray(reserved) ? reserved : []) {
      const { byte, hex } = asObject(part, 'reserved');
      const content = fromHex(String(hex));
      if (!isReserved(Number(byte), content.length)) throw notADump(`byte ${byte} is not reserved`);
      block.set(content, Number(byte));
    }
    return block;
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw notADump(error.message);
    throw error;
  }
}

/** Whether these bytes of the header lie within one reserved row. */
function isReserved(byte: number, length: number): boolean {
  return HEADER.fields.some(
    ({ kind, offset, size }) => kind === 'zero' && byte >= offset && byte + length <= offset + size,
  );
}
