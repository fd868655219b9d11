/** The process in which a scan looks at one device: one that hangs is given up by ending its process. */
import { scanOne } from './scan-one.js';

const [path = '', deep] = process.argv.slice(2);
// from here on it is the device that takes its time, and not the start of this process
process.stdout.write('\n');
let last = Date.now();
const answer = await scanOne(path, deep === 'deep', () => {
  if (Date.now() - last < 1000) return;
  last = Date.now();
  process.stdout.write('\n');
});
process.stdout.write(`${JSON.stringify(answer)}\n`);
