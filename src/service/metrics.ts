import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { errnoOf } from '../device/file-device.js';
import { DmremapError } from '../errors.js';
import type { Status } from '../operations/status.js';

/** What is measured. */
export interface Measured {
  readonly status: Status;
  readonly clients: number;
}

/** Metrics of a server for Prometheus, read when they are asked for. */
export class Metrics {
  readonly #registry = new Registry();
  #server: Server | undefined;

  constructor(set: string, measure: () => Measured) {
    this.#registry.setDefaultLabels({ set });
    collectDefaultMetrics({ register: this.#registry });
    const of = (name: string, help: string, value: (measured: Measured) => number | bigint) =>
      this.#gauge(name, help, () => Number(value(measure())));
    of('remapped_sectors', 'Sectors that are remapped', ({ status }) => status.remapped);
    of('capacity_sectors', 'Sectors that can be remapped', ({ status }) => status.capacity);
    of('lost_sectors', 'Sectors remapped although their data could not be read', ({ status }) => status.lost);
    of('health', '1 good, 2 warning, 3 failing', ({ status }) => status.health);
    of('scan_percent', 'Progress of the surface scan', ({ status }) => status.scan_percent);
    of('last_save_timestamp_seconds', 'Time of the last commit', ({ status }) => status.last_save);
    of('clients', 'Clients that are attached', ({ clients }) => clients);
    const count = (name: string, help: string, value: (status: Status) => bigint) =>
      this.#counter(name, help, () => Number(value(measure().status)));
    count('write_errors_total', 'Write errors seen on main', ({ write_errors }) => write_errors);
    count('read_errors_total', 'Read errors seen on main', ({ read_errors }) => read_errors);
    count('auto_remaps_total', 'Remaps made by the server', ({ auto_remaps }) => auto_remaps);
    count('manual_remaps_total', 'Remaps made by hand', ({ manual_remaps }) => manual_remaps);
  }

  /**
   * Answers GET /metrics. Gives the port.
   *
   * @throws DmremapError `busy`, `permission`, `usage`
   */
  async listen(host: string, port: number): Promise<number> {
    const server = createServer((request, response) => {
      void this.#registry.metrics().then((text) => {
        const found = request.url === '/metrics' || request.url === '/';
        response.writeHead(found ? 200 : 404, { 'content-type': this.#registry.contentType });
        response.end(found ? text : '');
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(listenError(host, port, error)));
      server.listen(port, host, resolve);
    });
    this.#server = server;
    return (server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  #gauge(name: string, help: string, value: () => number): void {
    const registers = [this.#registry];
    new Gauge({
      name: `dmremap_${name}`,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  }

  /** The set counts, over all its life: what is told is its number and not what was added since. */
  #counter(name: string, help: string, value: () => number): void {
    const registers = [this.#registry];
    new Counter({
      name: `dmremap_${name}`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  }
}

function listenError(host: string, port: number, cause: unknown): DmremapError {
  const errno = errnoOf(cause);
  const code = errno === 'EADDRINUSE' ? 'busy' : errno === 'EACCES' ? 'permission' : 'usage';
  return new DmremapError(code, `metrics cannot listen on ${host}:${port}: ${errno}`, { cause });
}
