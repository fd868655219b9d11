import { mkdirSync, writeFileSync } from 'node:fs';
import { run, type Scratch } from '../device/scratch.js';

/** A certificate authority with folders of credentials as qemu, nbdkit and libnbd expect them. */
export class Authority {
  readonly #scratch: Scratch;
  readonly #name: string;
  #serial = 1;

  constructor(scratch: Scratch, name: string) {
    this.#scratch = scratch;
    this.#name = name;
    this.#openssl(
      'req',
      '-x509',
      ...KEY,
      '-keyout',
      this.#path('key'),
      '-out',
      this.#path('cert'),
      '-subj',
      '/CN=ca',
    );
  }

  /** ca-cert.pem, and certificate and key for this role under the names that belong to it. */
  folder(role: 'server' | 'client'): string {
    const folder = this.#scratch.folderAt(`${this.#name}-${role}`);
    mkdirSync(folder, { recursive: true });
    const request = `${folder}/request`;
    this.#openssl(
      'req',
      ...KEY,
      '-keyout',
      `${folder}/${role}-key.pem`,
      '-out',
      request,
      '-subj',
      `/CN=${role}`,
    );
    writeFileSync(`${folder}/extensions`, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    this.#openssl(
      ...['x509', '-req', '-in', request, '-CA', this.#path('cert'), '-CAkey', this.#path('key')],
      ...['-set_serial', `${++this.#serial}`, '-days', '30', '-extfile', `${folder}/extensions`],
      ...['-out', `${folder}/${role}-cert.pem`],
    );
    run('cp', this.#path('cert'), `${folder}/ca-cert.pem`);
    return folder;
  }

  #path(what: string): string {
    return this.#scratch.path(`${this.#name}-ca-${what}.pem`);
  }

  #openssl(...args: string[]): void {
    run('openssl', ...args);
  }
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
