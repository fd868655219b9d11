/**
 * Why a connection is closed. asked: by ABORT or DISC. ended: the client's side of the stream is over.
 * violation: a rule was broken and the protocol has no answer to it. limit: the client takes more than its
 * share. refused: what cannot be refused in words (EXPORT_NAME).
 * stopped: the server shuts down.
 */
export type HangUpCause = 'asked' | 'ended' | 'violation' | 'limit' | 'refused' | 'stopped';

export interface HangUp {
  readonly cause: HangUpCause;
  /** For the log. */
  readonly text: string;
}
