import { illFormed } from './bad-list.js';
import { LoggedBlocks } from './logged-blocks.js';

/** A value of a JSON document, of which nothing is known. */
class Node {
  readonly #value: unknown;

  constructor(value: unknown) {
    this.#value = value;
  }

  at(...keys: readonly string[]): Node {
    let value = this.#value;
    for (const key of keys)
      value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
    return new Node(value);
  }

  get exists(): boolean {
    return this.#value !== undefined;
  }

  get text(): string {
    return typeof this.#value === 'string' ? this.#value : '';
  }

  /** A whole number; undefined for anything else. */
  get number(): number | undefined {
    return Number.isSafeInteger(this.#value) && Number(this.#value) >= 0 ? Number(this.#value) : undefined;
  }

  get items(): readonly Node[] {
    return Array.isArray(this.#value) ? this.#value.map((item) => new Node(item)) : [];
  }
}

/**
 * Reads what `smartctl -j` printed. A block is said to stand in the first line that holds its number.
 *
 * @throws DmremapError `usage` with data.line
 */
export function readSmartctlJson(text: string): LoggedBlocks {
  const root = new Node(parsed(text));
  const found = new LoggedBlocks();
  found.blockSize = root.at('logical_block_size').number;
  const add = (block: number | undefined): void => {
    if (block !== undefined) found.add(lineWith(text, new RegExp(`\\b${block}\\b`)), BigInt(block));
  };
  for (const log of [
    root.at('ata_smart_self_test_log', 'standard'),
    root.at('ata_smart_self_test_log', 'extended'),
  ]) {
    found.hasLog ||= log.exists;
    for (const row of log.at('table').items)
      if (row.at('status', 'string').text === 'Completed: read failure') add(row.at('lba').number);
  }
  for (const log of [root.at('ata_smart_error_log', 'summary'), root.at('ata_smart_error_log', 'extended')]) {
    found.hasLog ||= log.exists;
    for (const row of log.at('table').items) {
      const words = row.at('error_description').text;
      if (words !== '') found.addError(lineWith(text, words), words);
    }
  }
  for (const log of [root.at('ata_pending_defects_log'), root.at('nvme_self_test_log')]) {
    found.hasLog ||= log.exists;
    for (const row of log.at('table').items) add(row.at('lba').number);
  }
  for (let test = 0; root.at(`scsi_self_test_${test}`).exists; test++) {
    found.hasLog = true;
    const row = root.at(`scsi_self_test_${test}`);
    if (row.at('sense_key', 'value').number === MEDIUM_ERROR)
      add(row.at('lba_first_failure', 'value').number);
  }
  return found;
}

const MEDIUM_ERROR = 3;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const position = /position (\d+)/.exec(String(error))?.[1];
    const before = position === undefined ? text : text.slice(0, Number(position));
    throw illFormed(before.split('\n').length, 'this is no whole JSON document');
  }
}

function lineWith(text: string, what: string | RegExp): number {
  const at = typeof what === 'string' ? text.indexOf(what) : text.search(what);
  return text.slice(0, Math.max(0, at)).split('\n').length;
}
