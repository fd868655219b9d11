import type { FoundUndo } from '../../operations/undo-files.js';
import type { JsonObject } from './json.js';
import { formatTime } from './text.js';

/** The undo files of a spare, the newest first; each path whole on a line of its own, to be copied. */
export function undoListText(files: readonly FoundUndo[]): string {
  if (files.length === 0) return 'no undo file fits this spare\n';
  return files
    .map((file) =>
      file.state === 'damaged'
        ? `damaged: ${file.reason}\n    ${file.path}\n`
        : `${formatTime(file.description.created)} ${file.description.command}, ${file.state}${besides(file)}\n    ${file.path}\n`,
    )
    .join('');
}

function besides(file: FoundUndo): string {
  const main = mainOf(file);
  return main === null ? '' : `, with bytes of main (${main})`;
}

/** The main of which it holds bytes, as it was named. */
function mainOf(file: FoundUndo): string | null {
  return file.state === 'damaged' ? null : (file.description.main?.name ?? null);
}

export function undoListJson(files: readonly FoundUndo[]): JsonObject {
  return {
    files: files.map((file) => ({
      path: file.path,
      state: file.state,
      command: file.state === 'damaged' ? null : file.description.command,
      created: file.state === 'damaged' ? null : file.description.created,
      main: mainOf(file),
    })),
  };
}
