/** A text in quotes, cut where a pasted file would fill the screen. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
