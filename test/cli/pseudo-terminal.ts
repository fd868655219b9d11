import { spawn } from 'node:child_process';

/** Wait until the output since the last step holds `expect`, then type, or send a signal, or hang up. */
export interface Step {
  readonly expect: string;
  /** Seconds from then on. */
  readonly after?: number;
  readonly type?: string;
  readonly signal?: 'SIGINT' | 'SIGTERM';
  readonly hangUp?: boolean;
}

export interface Screen {
  readonly code: number;
  /** What came on the terminal: standard error, and the echo of what was typed. */
  readonly output: string;
  /** Standard output, which is a pipe unless `isStdoutTerminal`. */
  readonly stdout: string;
}

export interface TerminalSettings {
  readonly env?: { readonly [name: string]: string };
  readonly columns?: number;
  readonly rows?: number;
  readonly isStdoutTerminal?: boolean;
}

/** Runs a program under a pseudo-terminal of 80x24 and plays the steps. */
export async function runOnTerminal(
  command: readonly string[],
  steps: readonly Step[],
  settings: TerminalSettings = {},
): Promise<Screen> {
  const job = {
    command,
    steps,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '/',
      LC_ALL: 'C.UTF-8',
      TERM: 'xterm',
      ...settings.env,
    },
    columns: settings.columns ?? 80,
    rows: settings.rows ?? 24,
    stdout_is_terminal: settings.isStdoutTerminal ?? false,
  };
  const child = spawn('python3', ['-c', DRIVER], { stdio: ['pipe', 'pipe', 'inherit'] });
  let answer = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
  });
  child.stdin.end(JSON.stringify(job));
  await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return JSON.parse(answer) as Screen;
}

/** Node has no pseudo-terminals; Python's standard library has. */
const DRIVER = `
import fcntl, json, os, pty, select, signal, struct, sys, termios, time
job = json.load(sys.stdin)
out_read, out_write = os.pipe()
pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', job['rows'], job['columns'], 0, 0))
    if not job['stdout_is_terminal']:
        os.dup2(out_write, 1)
    os.close(out_read)
    os.close(out_write)
    os.execvpe(job['command'][0], job['command'], job['env'])
os.close(out_write)
output, stdout, seen = b'', b'', 0
steps = list(job['steps'])
deadline = time.time() + 30
sources = [master, out_read]
def finish(code):
    print(json.dumps({'code': code, 'output': output.decode(errors='replace'), 'stdout': stdout.decode(errors='replace')}))
    sys.exit(0)
while sources:
    if time.time() > deadline:
        os.kill(pid, signal.SIGKILL)
        output += b'<timed out>'
        finish(-1)
    for source in select.select(sources, [], [], 0.05)[0]:
        try:
            data = os.read(source, 65536)
        except OSError:
            data = b''
        if not data:
            sources.remove(source)
        elif source == master:
            output += data
        else:
            stdout += data
    if steps and steps[0]['expect'].encode() in output[seen:]:
        step = steps.pop(0)
        time.sleep(step.get('after', 0.15))
        seen = len(output)
        if 'type' in step:
            os.write(master, step['type'].encode())
        if 'signal' in step:
            os.kill(pid, getattr(signal, step['signal']))
        if step.get('hangUp'):
            sources.remove(master)
            os.close(master)
for attempt in range(600):
    ended, status = os.waitpid(pid, os.WNOHANG)
    if ended:
        finish(os.waitstatus_to_exitcode(status))
    time.sleep(0.05)
os.kill(pid, signal.SIGKILL)
output += b'<did not end>'
finish(-1)
`;
