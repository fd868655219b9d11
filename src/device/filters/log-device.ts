import type { Bytes } from '../../units.js';
import { FilterDevice } from './filter-device.js';

/** One request, in the order in which they were made. */
export type Request =
  | { readonly kind: 'read'; readonly at: Bytes; readonly length: number; readonly pastCache: boolean }
  | { readonly kind: 'write'; readonly at: Bytes; readonly data: Uint8Array }
  | { readonly kind: 'flush' }
  | { readonly kind: 'close' };

/** Remembers every request that was made, also those that fail; written bytes are copied. */
export class LogDevice extends FilterDevice {
  readonly requests: Request[] = [];

  /** "write 4096+512", "flush", …: offset and length in bytes, for comparing in tests. */
  lines(): string[] {
    return this.requests.map((request) => {
      if (request.kind === 'read') return `read ${request.at}+${request.length}`;
      return request.kind === 'write' ? `write ${request.at}+${request.data.length}` : request.kind;
    });
  }

  count(kind: Request['kind']): number {
    return this.requests.filter((request) => request.kind === kind).length;
  }

  override read(at: Bytes, into: Uint8Array): Promise<void> {
    this.requests.push({ kind: 'read', at, length: into.length, pastCache: false });
    return super.read(at, into);
  }

  override readPastCache(at: Bytes, into: Uint8Array): Promise<boolean> {
    this.requests.push({ kind: 'read', at, length: into.length, pastCache: true });
    return super.readPastCache(at, into);
  }

  override write(at: Bytes, from: Uint8Array): Promise<void> {
    this.requests.push({ kind: 'write', at, data: new Uint8Array(from) });
    return super.write(at, from);
  }

  override flush(): Promise<void> {
    this.requests.push({ kind: 'flush' });
    return super.flush();
  }

  override close(): Promise<void> {
    this.requests.push({ kind: 'close' });
    return super.close();
  }
}
