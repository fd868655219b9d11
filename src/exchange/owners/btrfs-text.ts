/**
 * The answer of `btrfs inspect-internal dump-tree`, line by line. Names and attributes stand in it raw, and may
 * hold line feeds and whatever looks like an answer; how many bytes they have is printed before them. Newer
 * versions print them escaped.
 */

/** Bytes of a reference to a subvolume before its name. */
const ROOT_REF_HEAD = 18;

export class BtrfsText {
  readonly #text: string;
  #at = 0;
  #itemSize = 0;
  #names: string[] = [];

  /** @param text as latin1 */
  constructor(text: string) {
    this.#text = text;
  }

  /** The next line; without the name that it ends with. Undefined at the end. */
  next(): string | undefined {
    if (this.#at >= this.#text.length) return undefined;
    this.#names = [];
    const line = this.#line();
    const size = /itemsize (\d+)$/.exec(line)?.[1];
    if (size !== undefined) this.#itemSize = Number(size);
    const [head, length] = /^\t\t(?:index .*?)namelen (\d+) name: /.exec(line) ?? [];
    if (head !== undefined) return this.#named(head, Number(length));
    const [subvolume] = /^\t\troot (?:back)?ref key dirid \d+ sequence \d+ name /.exec(line) ?? [];
    if (subvolume !== undefined) return this.#named(subvolume, this.#itemSize - ROOT_REF_HEAD);
    const [, data, name] = /^\t\ttransid \d+ data_len (\d+) name_len (\d+)$/.exec(line) ?? [];
    this.#take(line.length + 1);
    if (name !== undefined) this.#skip('\t\tname: ', Number(name));
    if (data !== undefined && data !== '0') this.#skip('\t\tdata ', Number(data));
    return line;
  }

  /** Of the line that `next` gave out last. */
  names(): readonly string[] {
    return this.#names;
  }

  #line(): string {
    const end = this.#text.indexOf('\n', this.#at);
    return this.#text.slice(this.#at, end < 0 ? undefined : end);
  }

  #take(length: number): void {
    this.#at += length;
  }

  #named(head: string, length: number): string {
    this.#take(head.length);
    this.#names.push(Buffer.from(this.#string(length), 'latin1').toString('utf8'));
    return head;
  }

  #skip(head: string, length: number): void {
    if (!this.#text.startsWith(head, this.#at)) return;
    this.#take(head.length);
    this.#string(length);
  }

  /** Takes what has `length` bytes where it is not escaped, and the line feed behind it. */
  #string(length: number): string {
    const isRaw = this.#at + length >= this.#text.length || this.#text[this.#at + length] === '\n';
    const raw = isRaw ? this.#text.slice(this.#at, this.#at + length) : this.#line();
    this.#take(raw.length + 1);
    return isRaw ? raw : unescaped(raw);
  }
}

const ESCAPES: { readonly [letter: string]: string } = {
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|([0-7]{3})|(.))/g, (_, hex, octal, letter) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    return ESCAPES[letter] ?? letter;
  });
}
