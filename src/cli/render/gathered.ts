/** Text is handed on in pieces of at least this many characters, so that it is never one string. */
const PIECE = 65536;

/** The same text in larger pieces: each is handed on with a wait, which costs more than making a line. */
export function* gathered(texts: Iterable<string>): Generator<string> {
  let piece = '';
  for (const text of texts) {
    piece += text;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}
